"""Length of a run in optimizer steps, epochs and batches, which schedules need before it begins."""

import math
from typing import NamedTuple

import lightning as L
from lightning.pytorch.callbacks import GradientAccumulationScheduler


class Duration(NamedTuple):
    """The length of a whole run; infinite where nothing limits it.

    Attributes:
        steps: of the optimizer.
        epochs: begun, the last of which `trainer.max_steps` may cut short.
        batches: of one process.
    """

    steps: float
    epochs: float
    batches: float


def duration(trainer: L.Trainer, batches: float | None = None) -> Duration:
    """Length of the whole run, from its settings: the sum over its epochs, each with its own accumulation.

    Lightning's `estimated_stepping_batches` takes the accumulation of the current epoch for that of all, and is -1 for
    data of unknown length. `trainer.max_time` and early stopping end a run before this length; nothing ends it later.

    Args:
        trainer: with the settings.
        batches: of one process in an epoch; by default those of the Trainer's own data.
    """
    if batches is None:
        if trainer.train_dataloader is None:
            trainer.fit_loop.setup_data()
        batches = trainer.num_training_batches
    most_steps = math.inf if trainer.max_steps == -1 else trainer.max_steps
    most_epochs = math.inf if trainer.max_epochs in (None, -1) else max(trainer.max_epochs or 0, 1)
    if math.isinf(batches):
        return Duration(most_steps, most_epochs, math.inf)
    steps = 0.0
    planned = _plan(trainer)
    begins = sorted({0, *planned.epochs}) if planned else [0]
    for begin, end in zip(begins, [*begins[1:], math.inf], strict=True):
        accumulated = accumulation(trainer, begin)
        in_an_epoch = math.ceil(batches / accumulated)
        epochs = min(end, most_epochs) - begin
        if epochs <= 0:
            break
        if in_an_epoch * epochs >= most_steps - steps and most_steps < math.inf:
            whole, rest = divmod(most_steps - steps, in_an_epoch)
            return Duration(most_steps, begin + whole + (rest > 0), (begin + whole) * batches + rest * accumulated)
        steps += in_an_epoch * epochs
    return Duration(steps, most_epochs, most_epochs * batches)


def accumulation(trainer: L.Trainer, epoch: int) -> int:
    """Batches in each optimizer step of an epoch, which a GradientAccumulationScheduler may change between epochs."""
    planned = _plan(trainer)
    return planned.get_accumulate_grad_batches(epoch) if planned else trainer.accumulate_grad_batches


def _plan(trainer: L.Trainer) -> GradientAccumulationScheduler | None:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return next((c for c in callbacks if isinstance(c, GradientAccumulationScheduler)), None)
