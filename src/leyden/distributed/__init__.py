"""Processes of a data-parallel run: their start and their end.

The first process starts the others as `python -m leyden.training.rank_entry_point` and sends them its experiment,
composed and checked, through their standard input: with train.py, a notebook or a sweep, all have the same config and
the same run directory. The pipe stays open; when it closes, the first process has ended or stops the others, and they
exit.
"""

# Seconds within which a process notices by itself that another is gone.
GRACE = 5.0

# Seconds within which a process that exits has closed its loggers.
PATIENCE = 60.0
