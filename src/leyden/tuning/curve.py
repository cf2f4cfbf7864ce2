"""The curve of a learning rate range test, and the rate that it suggests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_WIDTH = 0.02  # standard deviation of the smoothing, as a fraction of the steps
_LEARNED = 0.9  # the fraction of the loss's fall at which the rate is taken
_CERTAIN = 4.0  # standard errors that the loss must fall by, to have fallen at all


@dataclass(frozen=True)
class RangeTest:
    """Losses of short trainings in which the learning rate grows from step to step.

    Smith (2015), Cyclical learning rates for training neural networks; Smith, Topin (2017), Super-convergence.

    Attributes:
        rates: of each step, growing exponentially.
        losses: of each training, one for each step that it made before it diverged.
    """

    rates: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]

    @cached_property
    def median(self) -> NDArray[np.float64]:
        """(n,) the median of the trainings' losses, up to the step at which half of them have diverged."""
        table = np.full((len(self.losses), len(self.rates)), np.inf)
        for row, losses in zip(table, self.losses, strict=True):
            row[: len(losses)] = losses
        with np.errstate(invalid="ignore"):
            middle = np.median(np.where(np.isfinite(table), table, np.inf), axis=0)
        ends = np.flatnonzero(~np.isfinite(middle))
        return np.asarray(middle[: ends[0]] if len(ends) else middle, dtype=np.float64)

    @cached_property
    def smoothed(self) -> NDArray[np.float64]:
        """(n,) the median under a Gaussian window, which shifts nothing to higher rates as a running mean would."""
        return smooth(self.median, max(1.0, _WIDTH * len(self.rates)))

    @property
    def lowest(self) -> int:
        """The step at which the smoothed loss is lowest."""
        return int(self.smoothed.argmin())

    @cached_property
    def suggestion(self) -> float | None:
        """The learning rate to train with, to two digits; None where the loss does not fall.

        It is the rate at which the smoothed loss has made nine tenths of its fall. Where the fall is steepest
        (Lightning, fastai) the rate is often a tenth of the best one: a step of the test has as little time to learn as
        a rate that is tenfold higher would need. At the lowest point it is already about to diverge.
        """
        curve = self.smoothed
        if len(curve) < 3:
            return None
        first, lowest = self._start, float(curve[self.lowest])
        if first - lowest <= _CERTAIN * self._error:
            return None
        reached = np.flatnonzero(curve[: self.lowest + 1] > first - _LEARNED * (first - lowest))
        step = int(reached[-1]) + 1 if len(reached) else 0
        return float(f"{self.rates[min(step, self.lowest)]:.2g}")

    @property
    def still_falls(self) -> bool:
        """Whether the loss is lowest at the highest rate: the best may lie beyond it."""
        return self.lowest >= len(self.rates) - max(2, round(_WIDTH * len(self.rates)))

    def loss_at(self, rate: float) -> float:
        """The smoothed loss at a rate, between two steps by their distance on a logarithmic axis."""
        rates = np.log(self.rates[: len(self.smoothed)])
        return float(np.interp(math.log(rate), rates, self.smoothed))

    @property
    def _start(self) -> float:
        """The loss before anything is learned: the mean of the first tenth of the steps."""
        return float(self.median[: max(1, len(self.rates) // 10)].mean())

    @property
    def _error(self) -> float:
        """The standard error of a point of the smoothed curve, which averages over some steps."""
        rest = (self.median - self.smoothed)[: self.lowest + 1]
        averaged = 2 * math.sqrt(math.pi) * max(1.0, _WIDTH * len(self.rates))
        return float(rest.std() / math.sqrt(averaged))


def smooth(values: Sequence[float] | NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """(n,) values under a Gaussian window of a standard deviation `width`; at the ends, of what there is of it."""
    y = np.asarray(values, dtype=np.float64)
    distance = np.arange(len(y))[:, None] - np.arange(len(y))
    weights = np.exp(-0.5 * (distance / width) ** 2)
    return np.asarray((weights @ y) / weights.sum(axis=1), dtype=np.float64)


def exponential(least: float, greatest: float, steps: int) -> tuple[float, ...]:
    """Rates from the least to the greatest, each the same multiple of the one before."""
    return tuple(least * (greatest / least) ** (step / (steps - 1)) for step in range(steps))
