"""The run directory: created, written to while a run lasts, and closed."""
