"""The length of a run in optimizer steps and epochs, which schedules need before it begins."""

import math
from typing import NamedTuple

import lightning.pytorch as pl
from lightning.pytorch.callbacks import GradientAccumulationScheduler


class Duration(NamedTuple):
    """The length of a whole run; infinite where nothing limits it.

    Attributes:
        steps: of the optimizer.
        epochs: begun, the last of which `trainer.max_steps` may cut short.
    """

    steps: float
    epochs: float


def duration(trainer: pl.Trainer) -> Duration:
    """The length of the whole run, from its settings: the sum over its epochs, each with its own accumulation.

    Lightning's `estimated_stepping_batches` takes the accumulation of the current epoch for that of all, and is -1 for
    data of unknown length. `trainer.max_time` and early stopping end a run before this length; nothing ends it later.
    """
    if trainer.train_dataloader is None:
        trainer.fit_loop.setup_data()
    most_steps = math.inf if trainer.max_steps == -1 else trainer.max_steps
    most_epochs = math.inf if trainer.max_epochs in (None, -1) else max(trainer.max_epochs or 0, 1)
    batches = trainer.num_training_batches
    if math.isinf(batches):
        return Duration(most_steps, most_epochs)
    steps = 0.0
    begins = _changes(trainer)
    for begin, end in zip(begins, [*begins[1:], math.inf], strict=True):
        in_an_epoch = math.ceil(batches / accumulation(trainer, begin))
        epochs = min(end, most_epochs) - begin
        if epochs <= 0:
            break
        if in_an_epoch * epochs >= most_steps - steps and most_steps < math.inf:
            return Duration(most_steps, begin + math.ceil((most_steps - steps) / in_an_epoch))
        steps += in_an_epoch * epochs
    return Duration(steps, most_epochs)


def accumulation(trainer: pl.Trainer, epoch: int) -> int:
    """Batches in each optimizer step of an epoch, which a GradientAccumulationScheduler may change between epochs."""
    planned = _plan(trainer)
    return planned.get_accumulate_grad_batches(epoch) if planned else trainer.accumulate_grad_batches


def _changes(trainer: pl.Trainer) -> list[int]:
    """The epochs in which the accumulation changes, and the first."""
    planned = _plan(trainer)
    return sorted({0, *planned.epochs}) if planned else [0]


def _plan(trainer: pl.Trainer) -> GradientAccumulationScheduler | None:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return next((c for c in callbacks if isinstance(c, GradientAccumulationScheduler)), None)
