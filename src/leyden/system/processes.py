"""Which of a run's processes this is, and how much of the machine it may use."""

import os


def rank() -> int:
    """0 in the process that speaks and writes for all, another number in every other.

    It is asked before torch is imported. On a further machine that only Lightning knows of, the number is not yet that
    which the process will have: nothing tells how many there are on each.
    """
    if "RANK" in os.environ:  # torchrun's, over all machines
        return int(os.environ["RANK"])
    # Of the process on its machine, of the machine, and of both; where one is missing or stale, it is 0.
    names = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
    return next((number for name in names if (number := int(os.environ.get(name) or 0))), 0)


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
