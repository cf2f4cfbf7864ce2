"""Learning-rate schedules beside those of torch.optim.lr_scheduler.

A function here takes the optimizer, and the length of the run where configs/scheduler says so (`length_as: total`).
"""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


def onecycle(
    optimizer: Optimizer,
    total: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    cycle_momentum: bool = True,
) -> LRScheduler:
    """torch's OneCycleLR with the optimizer's learning rates as peaks, one for each parameter group.

    Smith, Topin (2018), Super-convergence.

    Args:
        total: scheduler steps of the whole run.
        pct_start: share of the run in which the rate rises.
        div_factor: peak rate over initial rate.
        final_div_factor: initial rate over final rate.
        cycle_momentum: cycle momentum (or beta1) inversely, if the optimizer has one.
    """
    has_momentum = bool(optimizer.defaults.get("momentum") or optimizer.defaults.get("betas"))
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=total,
        pct_start=pct_start,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        cycle_momentum=cycle_momentum and has_momentum,
    )


def warmup_cosine(optimizer: Optimizer, total: int, warmup: float = 0.05, floor: float = 0.0) -> LRScheduler:
    """Linear warm-up, then half a cosine down to `floor`.

    Loshchilov, Hutter (2016), SGDR, without restarts.

    Args:
        total: scheduler steps of the whole run.
        warmup: share of the run in which the rate rises.
        floor: final rate, as a fraction of the full rate.
    """
    rising = round(warmup * total)

    def factor(move: int) -> float:
        if move < rising:
            return (move + 1) / (rising + 1)
        done = min(1.0, (move - rising) / max(1, total - rising))
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)


def polynomial(optimizer: Optimizer, total: int, power: float = 0.9, floor: float = 0.0) -> LRScheduler:
    """Polynomial decay (1 − t / total) ** power. Chen et al. (2017), DeepLab, where the power is 0.9.

    Args:
        total: scheduler steps of the whole run.
        floor: final rate, as a fraction of the full rate.
    """

    def factor(move: int) -> float:
        return float(floor + (1 - floor) * (1 - min(1.0, move / total)) ** power)

    return LambdaLR(optimizer, factor)
