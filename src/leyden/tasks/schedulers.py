"""Learning-rate scheduler of an optimizer, for a run of any length."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import lightning as L
from torch.optim import Optimizer

from leyden.system.errors import UserError
from leyden.system.lightning_internals import closed_form_rates


@dataclass(frozen=True)
class SchedulerFactory:
    """Makes the `lr_scheduler` config of Lightning for an optimizer.

    Attributes:
        make: from an optimizer to a scheduler, with its settings bound.
        interval: unit of its updates.
        frequency: steps or epochs between two updates.
        monitor: metric of a plateau scheduler. One of the validation updates it only after an epoch with a validation.
        length_as: argument of `make` that receives the length of the whole run, in updates.
    """

    make: Callable[..., Any]
    interval: Literal["step", "epoch"] = "epoch"
    frequency: int = 1
    monitor: str | None = None
    length_as: str | None = None

    def __call__(self, optimizer: Optimizer, steps: float, epochs: float) -> dict[str, Any]:
        """Value of "lr_scheduler" in the result of `configure_optimizers`.

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
            # Task.lr_scheduler_step counts steps: Lightning counts batches, from 0 in each epoch.
            "frequency": self.frequency if self.interval == "epoch" else 1,
            "monitor": self.monitor,
            # An epoch without a validation has no such metric, which Lightning would refuse.
            "strict": str(self.monitor).startswith("train/"),
        }


def is_outdated(trainer: L.Trainer, monitor: str | None) -> bool:
    """True if a metric of the validation is of an earlier epoch, as this one has no validation."""
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
