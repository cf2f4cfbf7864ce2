"""Learning-rate schedules beside those of torch.optim.lr_scheduler.

The first functions are factors on the learning rate for `scheduler=lambda scheduler.function=<name>`. The others take
the optimizer, and the length of the schedule where configs/scheduler says so (`length_as: total`). A warm-up before any
of them is `scheduler.warmup`.
"""

import math
from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LambdaLR, LRScheduler, OneCycleLR


def exponential_decay(epoch: int, gamma: float = 0.95) -> float:
    """gamma ** epoch."""
    return gamma**epoch


def inverse(epoch: int) -> float:
    """1 / (epoch + 1)."""
    return 1 / (epoch + 1)


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
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=total,
        pct_start=pct_start,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        cycle_momentum=cycle_momentum and _has_momentum(optimizer),
    )


def cyclic(
    optimizer: Optimizer,
    floor: float = 0.1,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: float = 1.0,
    cycle_momentum: bool = True,
) -> LRScheduler:
    """torch's CyclicLR up to the optimizer's learning rates, and down to a fraction of them. Smith (2015).

    Args:
        floor: lowest rate, as a fraction of the highest.
        step_size_up: scheduler steps from the lowest rate to the highest.
        step_size_down: scheduler steps back; null for as many.
        mode: `triangular2` halves each further cycle, `exp_range` multiplies it by gamma ** steps.
        gamma: see `mode`.
        cycle_momentum: cycle momentum (or beta1) inversely, if the optimizer has one.
    """
    highest = [group["lr"] for group in optimizer.param_groups]
    return CyclicLR(
        optimizer,
        base_lr=[floor * rate for rate in highest],
        max_lr=highest,
        step_size_up=step_size_up,
        step_size_down=step_size_down,
        mode=mode,
        gamma=gamma,
        cycle_momentum=cycle_momentum and _has_momentum(optimizer),
    )


def warmup_cosine(optimizer: Optimizer, total: int, floor: float = 0.0) -> LRScheduler:
    """Half a cosine down to `floor`, after the warm-up that configs/scheduler/warmup_cosine.yaml sets.

    Loshchilov, Hutter (2016), SGDR, without restarts.

    Args:
        total: scheduler steps after the warm-up.
        floor: final rate, as a fraction of the full rate.
    """

    def factor(move: int) -> float:
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, move / total)))

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


def _has_momentum(optimizer: Optimizer) -> bool:
    return bool(optimizer.defaults.get("momentum") or optimizer.defaults.get("betas"))
