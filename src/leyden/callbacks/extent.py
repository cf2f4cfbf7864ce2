"""Extent of a training run: the fraction that is done, and the time that is left."""

import math
from collections import deque

import lightning as L
from lightning.pytorch.callbacks import Timer

_SHORTEST = 1.0  # seconds over which a pace is measured


def fraction_done(trainer: L.Trainer, batch: int, validated: int = 0) -> float | None:
    """Fraction of a training run that is done: by its epochs, steps or time, whichever ends it first.

    Batches of validations count like those of training, so that the fraction grows evenly.

    Args:
        batch: number of training batches done in this epoch.
        validated: number of batches of validations done in this epoch.

    Returns:
        From 0 to 1; None if the run has no end, or its first epoch has a length that is not known.
    """
    limits = _of_epochs(trainer, batch, validated), _of_steps(trainer), _of_time(trainer)
    known = [fraction for fraction in limits if fraction is not None]
    return min(1.0, max(known)) if known else None


def validated_before(trainer: L.Trainer, batch: int) -> int:
    """Number of batches of validations that an epoch has had before one of its training batches."""
    epoch = trainer.current_epoch
    return _batches(trainer) * (_validations(trainer, epoch, batch) - _validations(trainer, epoch, 0))


def _of_epochs(trainer: L.Trainer, batch: int, validated: int) -> float | None:
    epochs, epoch, length = trainer.max_epochs, trainer.current_epoch, trainer.num_training_batches
    if not epochs or epochs < 0:
        return None
    if not isinstance(length, int) or not length:
        return epoch / epochs if epoch else None
    each = _batches(trainer)
    done = epoch * length + batch + each * _validations(trainer, epoch, 0) + validated
    return done / (epochs * length + each * _validations(trainer, epochs, 0))


def _batches(trainer: L.Trainer) -> int:
    """Number of batches of a validation; 0 if it is not known."""
    batches = sum(trainer.num_val_batches)
    return int(batches) if math.isfinite(batches) else 0


def _validations(trainer: L.Trainer, epochs: int, batch: int) -> int:
    """Number of validations within so many whole epochs and the batches of a further one."""
    length, interval, every = trainer.num_training_batches, trainer.val_check_batch, trainer.check_val_every_n_epoch
    if not isinstance(interval, int) or not isinstance(length, int):
        return 0
    if every is None:
        return (epochs * length + batch) // interval
    in_this = batch // interval if (epochs + 1) % every == 0 else 0
    return epochs // every * (length // interval) + in_this


def _of_steps(trainer: L.Trainer) -> float | None:
    return trainer.global_step / trainer.max_steps if trainer.max_steps > 0 else None


def _of_time(trainer: L.Trainer) -> float | None:
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Timer) and (left := callback.time_remaining()) is not None:
            elapsed = callback.time_elapsed()
            return elapsed / max(elapsed + left, 1e-9)
    return None


class TimeLeft:
    """Estimate of the time that is left, from the pace since the end of an epoch a few epochs ago."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque(maxlen=5)  # time and fraction

    def mark(self, fraction: float | None, now: float) -> None:
        """Note the end of an epoch."""
        if fraction is not None and (not self._marks or now - self._marks[-1][0] >= _SHORTEST):
            self._marks.append((now, fraction))

    def seconds(self, fraction: float | None, now: float) -> float | None:
        """Seconds that are left; None if there is nothing to estimate them from."""
        if fraction is None or not self._marks:
            return None
        since, before = self._marks[0]
        if fraction <= before or now - since < _SHORTEST:
            return None
        return (1 - fraction) * (now - since) / (fraction - before)
