"""Rank of this process in its run, and the CPUs that it may use."""

import os


def rank() -> int:
    """Rank of this process: 0 in the one that logs and writes for all, positive in every other.

    It does not need torch. On a further machine that only Lightning knows of, the rank is not yet the final one: the
    number of processes on each machine is unknown.
    """
    if "RANK" in os.environ:  # torchrun's, over all machines
        return int(os.environ["RANK"])
    # Of the process on its machine, of the machine, and of both; where one is missing or stale, it is 0.
    names = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
    return next((number for name in names if (number := int(os.environ.get(name) or 0))), 0)


def cpus() -> int:
    """Number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
