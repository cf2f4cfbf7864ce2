"""Which of a run's processes this is."""

import os


def rank() -> int:
    """0 in the process that speaks and writes for all; it is asked before torch is imported."""
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):  # torchrun, Lightning, SLURM
        if name in os.environ:
            return int(os.environ[name])
    return 0
