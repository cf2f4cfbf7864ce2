"""From YAML and overrides to a checked experiment, without importing torch."""
