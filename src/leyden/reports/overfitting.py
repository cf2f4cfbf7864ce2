"""Overfitting in words: whether, and from which epoch on, the validation loss rose while the training loss fell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from leyden.reports.history import Series
from leyden.system.formatting import count, number

_FEWEST = 5  # epochs below which nothing is said
_LASTING = 3  # epochs for which the validation loss must have risen
_LEAST = 0.01  # part of the lowest loss below which a rise is of no interest
_CERTAIN, _BEGUN = 4.9, 1.0  # standard errors of a smoothed loss


@dataclass(frozen=True)
class Verdict:
    """Verdict on overfitting by the losses of a run.

    Attributes:
        kind: overfitting; none; late (a rise too close to the end); unstable (both losses rose); worse (only the
            validation loss rose, and the training loss did not fall); diverged (not finite); unknown.
        text: the same in a sentence.
        begin: first epoch of the rise, for overfitting, unstable and worse.
    """

    kind: str
    text: str
    begin: int | None = None


def judge(train: Series, val: Series) -> Verdict:
    """Verdict about the losses of training and validation, by epoch.

    Their levels are not compared, since the training loss is measured during the epoch, with dropout and augmentation,
    but how they change:

    1. The validation loss is smoothed by a centred mean over an eighth of the epochs, at least 3.
    2. Its noise is the standard deviation of what is no trend, from the median of its third differences.
    3. It has risen if its mean at the end is above the lowest smoothed value by more than 4.9 standard errors of such a
       mean (2 for the choice of the lowest of eight, 2.9 for certainty), and by more than 1 %.
    4. The rise began after the last epoch in which it was within 1 standard error of the lowest value, and not before
       the lowest loss itself, if that is near. It must have lasted for 3 epochs.
    5. It is overfitting if the training loss is lower in these epochs than in the 3 before, by more than its own noise.

    Fewer than 5 epochs are too few to tell. Of flat curves with white noise it finds overfitting in 1 to 6 %.
    """
    if not train or not val:
        return Verdict("unknown", "It cannot be judged: the losses of training and validation were not both logged.")
    if first := _not_finite_from(train) or _not_finite_from(val):
        which = "training" if _not_finite_from(train) else "validation"
        return Verdict("diverged", f"The training diverged: the {which} loss is not finite from epoch {first} on.")
    epochs = [epoch for epoch in sorted(val) if math.isfinite(val[epoch]) and math.isfinite(train.get(epoch, math.nan))]
    if len(epochs) < _FEWEST:
        have = count(len(epochs), "epoch")
        return Verdict(
            "unknown", f"Too few epochs to tell whether it overfits: {have} with a validation, of at least 5."
        )
    losses, train_losses = [val[epoch] for epoch in epochs], [train[epoch] for epoch in epochs]
    window = max(3, len(losses) // 8 | 1)
    smooth, error = _smoothed(losses, window), noise(losses) / math.sqrt(window)
    lowest, end = min(smooth), fmean(losses[-window:])
    least = _LEAST * abs(lowest)
    if end <= lowest + max(_CERTAIN * error, least):
        return Verdict("none", f"No sign of overfitting: {_no_rise(epochs, losses)}.")
    near = lowest + max(_BEGUN * error, least / 4)
    start = 1 + max(place for place, loss in enumerate(smooth) if loss <= near)
    turn = losses.index(min(losses))
    if abs(turn - smooth.index(lowest)) <= window:
        start = max(start, turn + 1)
    if len(smooth) - start < _LASTING:
        some = count(len(smooth) - start, "epoch")
        return Verdict("late", f"Too early to tell: {_where(epochs, losses)}, and rose only in the last {some}.")
    begin, after = epochs[start], f"{_where(epochs, losses)} and rose by {_rise(lowest, end)} after it, smoothed"
    change = _change(train_losses, start)
    if change < 0:
        fell = f"the training loss kept falling, to {number(train_losses[-1])}"
        return Verdict("overfitting", f"Overfitting from epoch {begin} on: {after}, while {fell}.", begin)
    if change > 0:
        why = "training became unstable, which is not overfitting; a lower learning rate may help"
        return Verdict("unstable", f"Both losses rose from epoch {begin} on: {after}; {why}.", begin)
    flat = "the training loss hardly changed: a weak sign of overfitting"
    return Verdict("worse", f"The validation loss rose from epoch {begin} on: {after}, while {flat}.", begin)


def _change(losses: Sequence[float], start: int) -> int:
    """-1 if losses are lower from a place on than in the 3 before, by more than their noise; 1 if higher; else 0."""
    before, after = losses[max(0, start - 3) : start], losses[start:]
    error = noise(losses) * math.sqrt(1 / len(before) + 1 / len(after))
    change = fmean(after) - fmean(before)
    if abs(change) <= max(2 * error, _LEAST * abs(fmean(before))):
        return 0
    return -1 if change < 0 else 1


def noise(values: Sequence[float]) -> float:
    """Standard deviation of values about their trend, from their third differences (second, of five values)."""
    order, squares = (3, 20) if len(values) > 5 else (2, 6)  # sum of the squared binomial coefficients
    differences = list(values)
    for _ in range(order):
        differences = [after - before for before, after in pairwise(differences)]
    return median(map(abs, differences)) / 0.6745 / math.sqrt(squares)


def _smoothed(values: Sequence[float], window: int) -> list[float]:
    """Centred means, over fewer values at both ends."""
    half = window // 2
    return [fmean(values[max(0, place - half) : place + half + 1]) for place in range(len(values))]


def _not_finite_from(series: Series) -> int | None:
    """First of the last epochs, all of which are not finite; None if the last one is finite."""
    first = None
    for epoch in sorted(series, reverse=True):
        if math.isfinite(series[epoch]):
            break
        first = epoch
    return first


def _where(epochs: Sequence[int], losses: Sequence[float]) -> str:
    place = losses.index(min(losses))
    return f"the validation loss was lowest at epoch {epochs[place]} of {epochs[-1]} ({number(losses[place])})"


def _no_rise(epochs: Sequence[int], losses: Sequence[float]) -> str:
    if losses.index(min(losses)) == len(losses) - 1:
        return f"the validation loss was lowest in the last epoch ({number(losses[-1])}), so more epochs may improve it"
    return f"{_where(epochs, losses)}, and did not rise beyond its variation from epoch to epoch until the end"


def _rise(lowest: float, end: float) -> str:
    return f"{(end - lowest) / lowest * 100:.0f} %" if lowest > 0 else number(end - lowest)
