"""Where jobs are executed."""
