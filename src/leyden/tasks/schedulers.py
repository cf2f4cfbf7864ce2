"""How the learning rate changes, and how often."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import lightning.pytorch as pl
from torch.optim import Optimizer

from leyden.system.errors import UserError
from leyden.system.lightning_internals import closed_form_rates


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


def is_outdated(trainer: pl.Trainer, monitor: str | None) -> bool:
    """Whether a metric of the validation is that of an earlier epoch, as there was no validation in this one."""
    # Lightning counts the batches of an epoch's validations, and keeps the count in checkpoints.
    validated = trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.completed > 0
    return not str(monitor).startswith("train/") and not validated


def apply_length(scheduler: Any) -> None:
    """Set the learning rates that a schedule has at this step, now that the run has another length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `get_lr` warns unless `step` calls it
        rates = closed_form_rates(scheduler)
    for group, rate in zip(scheduler.optimizer.param_groups, rates or (), strict=rates is not None):
        group["lr"] = rate
