"""How the learning rate changes, and how often."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import lightning.pytorch as pl
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from leyden.system.errors import UserError


@dataclass(frozen=True)
class SchedulerFactory:
    """Makes a scheduler for an optimizer, in the form that Lightning takes.

    Attributes:
        make: from an optimizer to a scheduler, with its settings bound.
        interval: whether it moves after each step or each epoch.
        frequency: how many of them it waits between moves.
        monitor: the metric that a plateau scheduler watches. One of the validation moves it only after an epoch with a
            validation in it.
        length_as: the argument of `make` that is given the length of the whole run, counted in moves.
    """

    make: Callable[..., Any]
    interval: Literal["step", "epoch"] = "epoch"
    frequency: int = 1
    monitor: str | None = None
    length_as: str | None = None

    def __call__(self, optimizer: Optimizer, steps: float, epochs: float) -> dict[str, Any]:
        """What `configure_optimizers` returns under "lr_scheduler".

        Args:
            steps: optimizer steps of the whole run, or infinity.
            epochs: epochs of the whole run, or infinity.

        Raises:
            UserError: the schedule needs the length of a run that has no end.
        """
        settings: dict[str, Any] = {}
        if self.length_as:
            length = steps if self.interval == "step" else epochs
            if math.isinf(length):
                raise UserError("scheduler: needs the length of the run; set trainer.max_epochs or trainer.max_steps")
            settings[self.length_as] = max(1, int(length) // self.frequency)
        return {
            "scheduler": self.make(optimizer, **settings),
            "interval": self.interval,
            # Steps are counted by Task.lr_scheduler_step: Lightning counts batches, and anew in each epoch.
            "frequency": self.frequency if self.interval == "epoch" else 1,
            "monitor": self.monitor,
            # An epoch without a validation has no such metric, which Lightning would take for a mistake.
            "strict": str(self.monitor).startswith("train/"),
        }


def onecycle(
    optimizer: Optimizer,
    total: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    cycle_momentum: bool = True,
) -> LRScheduler:
    """Torch's OneCycleLR with the optimizer's own learning rates as the peaks, one for each group.

    Smith, Topin (2018), Super-convergence.

    Args:
        total: moves in the whole run.
        pct_start: the part of it that rises.
        div_factor: the peak over the first learning rate.
        final_div_factor: the first learning rate over the last.
        cycle_momentum: let momentum (or beta1) move the opposite way, if the optimizer has one.
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
    """Rise in a straight line over the first part of the run, then fall along half a cosine.

    Loshchilov, Hutter (2016), SGDR, without restarts.

    Args:
        total: moves in the whole run.
        warmup: the part of it that rises.
        floor: what is left at the end, as a fraction of the full learning rate.
    """
    rising = round(warmup * total)

    def factor(move: int) -> float:
        if move < rising:
            return (move + 1) / (rising + 1)
        done = min(1.0, (move - rising) / max(1, total - rising))
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)


def polynomial(optimizer: Optimizer, total: int, power: float = 0.9, floor: float = 0.0) -> LRScheduler:
    """Fall as (1 − done) ** power. Chen et al. (2017), DeepLab, where the power is 0.9.

    Args:
        total: moves in the whole run.
        floor: what is left at the end, as a fraction of the full learning rate.
    """

    def factor(move: int) -> float:
        return float(floor + (1 - floor) * (1 - min(1.0, move / total)) ** power)

    return LambdaLR(optimizer, factor)


def is_stale(trainer: pl.Trainer, monitor: str | None) -> bool:
    """Whether a metric of the validation is that of an earlier epoch, as there was no validation in this one."""
    # Lightning counts the batches of an epoch's validations, and keeps the count in checkpoints.
    validated = trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.completed > 0
    return not str(monitor).startswith("train/") and not validated


def forget_length(state: dict[str, Any]) -> None:
    """Take out of a scheduler's state what it knows of the run's length, which may be another when the run goes on."""
    for name in ("T_max", "total_steps", "_schedule_phases", "total_iters"):
        state.pop(name, None)


def take_length(scheduler: Any) -> None:
    """Give the optimizer the learning rates that a schedule has here, now that it is of another length."""
    rates = getattr(scheduler, "_get_closed_form_lr", getattr(scheduler, "get_lr", None))
    if rates is None:  # a plateau's, which knows of no length
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it thinks of itself as called by `step`
        for group, rate in zip(scheduler.optimizer.param_groups, rates(), strict=True):
            group["lr"] = rate
