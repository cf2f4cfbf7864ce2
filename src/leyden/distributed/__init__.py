"""The processes of a data-parallel run: how the further ones start, and how all of them end.

The first process starts the others as `python -m leyden.training.rank_process` and hands them its experiment, composed
and checked, by their standard input: whatever started it (train.py, a notebook, a sweep), all have the same config and
the same run directory. The pipe stays open. When it ends, the first process has ended or wants no more of them, and
they end too.
"""

# Seconds until a process that lost another has noticed it by itself.
GRACE = 5.0

# Seconds until a process that is on its way out has closed its loggers.
PATIENCE = 60.0
