"""Overfitting in words: whether, and from which epoch on, the validation loss rose while the training loss fell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from leyden.reports.history import Series
from leyden.system.formatting import count, number

_FEWEST = 5  # epochs below which nothing is said
_RISEN = 3  # epochs for which the validation loss must stay above its lowest value
_LEAST = 0.01  # part of the lowest loss below which a rise is of no interest


@dataclass(frozen=True)
class Verdict:
    """What the losses of a run say about overfitting.

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

    Both losses are those of the same epochs. Their levels are not compared: the training loss is measured during the
    epoch, with dropout and augmentation. What is compared is how they move.

    1. The validation loss is smoothed by a centred mean over 3 epochs; over 5, if there are 20 or more.
    2. Its noise is the standard deviation of its changes between epochs that are no trend: of its third differences,
       estimated by their median. A rise counts if it is above 2.5 times this noise, and above 1 % of the lowest loss.
    3. The rise begins with the first epoch from which the smoothed loss stays above the lowest by that much, until the
       end. It must last for 3 epochs.
    4. It is overfitting if the training loss is lower in these epochs than in the 3 before, by more than its own noise.

    Fewer than 5 epochs are too few to tell.
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
    smooth = _smoothed(losses, 5 if len(losses) >= 20 else 3)
    lowest = min(smooth)
    tolerance = max(2.5 * noise(losses), _LEAST * abs(lowest))
    rest = next(place for place in range(len(smooth) - 1, -1, -1) if smooth[place] <= lowest + tolerance) + 1
    where = _where(epochs, losses)
    if rest == len(smooth):
        return Verdict("none", f"No sign of overfitting: {_no_rise(epochs, losses)}.")
    if len(smooth) - rest < _RISEN:
        some = count(len(smooth) - rest, "epoch")
        return Verdict("late", f"Too early to tell: {where}, and rose only in the last {some}.")
    risen = f"{where} and {_higher(min(losses), losses[-1])} at the end"
    before = train_losses[max(0, rest - 3) : rest]
    after = train_losses[rest:]
    spread = 2 * noise(train_losses) * math.sqrt(1 / len(before) + 1 / len(after))
    change = fmean(after) - fmean(before)
    least = max(spread, _LEAST * abs(fmean(before)))
    begin = epochs[rest]
    if change < -least:
        fell = f"the training loss kept falling, to {number(train_losses[-1])}"
        return Verdict("overfitting", f"Overfitting from epoch {begin} on: {risen}, while {fell}.", begin)
    if change > least:
        why = "so training became unstable, which is not overfitting; a lower learning rate may help"
        return Verdict("unstable", f"Both losses rose from epoch {begin} on ({risen}), {why}.", begin)
    flat = "while the training loss hardly changed: a sign of overfitting, but a weak one"
    return Verdict("worse", f"The validation loss rose from epoch {begin} on: {risen}, {flat}.", begin)


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


def _higher(lowest: float, last: float) -> str:
    if lowest > 0:
        return f"{(last - lowest) / lowest:.0%} higher".replace("%", " %")
    return f"higher by {number(last - lowest)}"
