"""Run directory: created, written to during a run, and closed."""
