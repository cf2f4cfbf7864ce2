"""Learning-rate scheduler of an optimizer, for a run of any length."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import lightning as L
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from leyden.config.schedule_functions import load_schedule_function
from leyden.system.errors import UserError
from leyden.system.lightning_internals import closed_form_rates
from leyden.tasks.warmup import WarmUp


@dataclass(frozen=True)
class SchedulerFactory:
    """Makes the `lr_scheduler` config of Lightning for an optimizer.

    Attributes:
        make: from an optimizer to a scheduler, with its settings bound.
        interval: unit of its updates.
        frequency: steps or epochs between two updates.
        monitor: metric of a plateau scheduler. One of the validation updates it only after an epoch with a validation.
        length_as: argument of `make` that receives the length of the schedule, in updates.
        warmup: linear warm-up: a share of the run below 1, or a number of optimizer steps; see `leyden.tasks.warmup`.
        function: for a schedule such as LambdaLR: the factor on the rate as a function of the number of updates; a name
            in the project's schedulers.py, or the dotted name of any function of the project.
        arguments: further arguments of this function.
    """

    make: Callable[..., Any]
    interval: Literal["step", "epoch"] = "epoch"
    frequency: int = 1
    monitor: str | None = None
    length_as: str | None = None
    warmup: float = 0
    function: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.warmup < 0 or (self.warmup >= 1 and self.warmup != int(self.warmup)):
            remedy = f"; write scheduler.warmup={round(self.warmup)}" if self.warmup > 0 else ""
            raise UserError(
                f"scheduler.warmup={self.warmup}: must be a share of the run below 1, or a number of steps{remedy}"
            )

    def __call__(self, optimizer: Optimizer, steps: float, epochs: float) -> dict[str, Any]:
        """Value of "lr_scheduler" in the result of `configure_optimizers`.

        Args:
            steps: optimizer steps of the whole run, or infinity.
            epochs: epochs of the whole run, or infinity.

        Raises:
            UserError: the schedule needs the length of a run that has no end.
        """
        settings: dict[str, Any] = {}
        warmup_steps = self.warmup_steps(steps)
        if self.function:
            settings["lr_lambda"] = load_schedule_function(self.function, self.arguments)
        if self.length_as:
            length = steps - warmup_steps if self.interval == "step" else epochs
            if math.isinf(length):
                raise UserError("scheduler: needs the length of the run; set trainer.max_epochs or trainer.max_steps")
            settings[self.length_as] = max(1, int(length) // self.frequency)
        scheduler = self.make(optimizer, **settings)
        return {
            "scheduler": WarmUp(scheduler, warmup_steps, self._every) if self.warmup else scheduler,
            "reduce_on_plateau": isinstance(scheduler, ReduceLROnPlateau),
            "interval": self.interval,
            # Task.lr_scheduler_step counts steps: Lightning counts batches, from 0 in each epoch.
            "frequency": self.frequency if self.interval == "epoch" else 1,
            "monitor": self.monitor,
            # An epoch without a validation has no such metric, which Lightning would refuse.
            "strict": str(self.monitor).startswith("train/"),
        }

    def warmup_steps(self, steps: float) -> int:
        """Optimizer steps of the warm-up in a run of so many.

        Raises:
            UserError: the warm-up is a share of a run that has no end.
        """
        if self.warmup < 1 and self.warmup and math.isinf(steps):
            raise UserError(
                f"scheduler.warmup={self.warmup}: is a share of a run without an end; give a number of steps, as in "
                "scheduler.warmup=500, or set trainer.max_epochs"
            )
        return round(self.warmup * steps) if self.warmup < 1 and self.warmup else int(self.warmup)

    @property
    def _every(self) -> int | None:
        return self.frequency if self.interval == "step" else None


def is_plateau(scheduler: Any) -> bool:
    """True if a scheduler depends on a metric, also with a warm-up."""
    return isinstance(scheduler.schedule if isinstance(scheduler, WarmUp) else scheduler, ReduceLROnPlateau)


def is_outdated(trainer: L.Trainer, monitor: str | None) -> bool:
    """True if a metric of the validation is of an earlier epoch, as this one has no validation."""
    # Lightning counts the batches of an epoch's validations, and keeps the count in checkpoints.
    validated = trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.completed > 0
    return not str(monitor).startswith("train/") and not validated


def apply_length(scheduler: Any) -> None:
    """Set the learning rates that a schedule has at this step, now that the run has another length."""
    if isinstance(scheduler, WarmUp):
        scheduler.apply_length()
        return
    rates = closed_form_rates(scheduler)
    for group, rate in zip(scheduler.optimizer.param_groups, rates or (), strict=rates is not None):
        group["lr"] = rate
