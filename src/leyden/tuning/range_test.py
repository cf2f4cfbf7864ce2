"""Learning rate range test: its curve, and the rate that it suggests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_WIDTH = 0.02  # standard deviation of the smoothing, as a fraction of the steps
_RISEN = 0.1  # the fraction of the loss's fall that it has risen by at the edge
_EXPLODED = 3.0  # multiples of the loss's fall, above its start, at which the curve is cut off
_BELOW_EDGE = 4.0  # the factor between the edge and the suggestion
_CERTAIN = 4.0  # standard errors that the loss must fall by, to have fallen at all
_LEAST_FALL = 1e-4  # fraction of the loss: on one batch repeated the standard error may be 0


@dataclass(frozen=True)
class RangeTest:
    """Losses of short trainings in which the learning rate grows from step to step.

    Smith (2015), Cyclical learning rates for training neural networks; Smith, Topin (2017), Super-convergence.

    Attributes:
        rates: of each step, growing exponentially.
        losses: of each training, one for each step before it diverged.
    """

    rates: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]

    @cached_property
    def median(self) -> NDArray[np.float64]:
        """(n,) median of the trainings' losses, up to the step at which half of them have diverged."""
        table = np.full((len(self.losses), len(self.rates)), np.inf)
        for row, losses in zip(table, self.losses, strict=True):
            row[: len(losses)] = losses
        with np.errstate(invalid="ignore"):
            middle = np.median(np.where(np.isfinite(table), table, np.inf), axis=0)
        ends = np.flatnonzero(~np.isfinite(middle))
        return np.asarray(middle[: ends[0]] if len(ends) else middle, dtype=np.float64)

    @cached_property
    def smoothed(self) -> NDArray[np.float64]:
        """(n,) median under a Gaussian window, which does not shift the curve to higher rates as a running mean would.

        It is cut off above first: a diverged loss would distort the curve far to its left.
        """
        most = self._start + _EXPLODED * (self._start - float(self.median.min()))
        return smooth(np.minimum(self.median, most), max(1.0, _WIDTH * len(self.rates)))

    @property
    def lowest(self) -> int:
        """Step of the lowest smoothed loss."""
        return int(self.smoothed.argmin())

    @cached_property
    def suggestion(self) -> float | None:
        """Learning rate to train with, to two digits; None if the loss does not fall.

        It is a quarter of the edge. The rate at which the loss falls fastest (Lightning, fastai) is often a tenth of
        the best one: it depends on how far the training has come by then, while the edge is a property of the network
        and the optimizer, and hardly differs between seeds.
        """
        if not self._falls:
            return None
        return float(f"{max(self.rates[0], self.rates[self.edge] / _BELOW_EDGE):.2g}")

    @cached_property
    def edge(self) -> int:
        """Step at which training becomes unstable: the smoothed loss has risen again by a tenth of its fall."""
        curve, lowest = self.smoothed, self.lowest
        risen = np.flatnonzero(curve[lowest:] > curve[lowest] + _RISEN * (self._start - curve[lowest]))
        return lowest + int(risen[0]) if len(risen) else len(curve) - 1

    @property
    def has_edge(self) -> bool:
        """True if training becomes unstable below the highest rate; otherwise the best rate may be beyond it."""
        return self.edge < len(self.rates) - 1

    def loss_at(self, rate: float) -> float:
        """Smoothed loss at a rate, interpolated between steps on a logarithmic axis."""
        rates = np.log(self.rates[: len(self.smoothed)])
        return float(np.interp(math.log(rate), rates, self.smoothed))

    @property
    def _falls(self) -> bool:
        """True if the loss falls by more than it varies."""
        if self.lowest < self._before:
            return False
        fall = self._start - float(self.smoothed[self.lowest])
        return fall > max(_CERTAIN * self._error, _LEAST_FALL * abs(self._start))

    @property
    def _start(self) -> float:
        """Mean loss before anything is learned."""
        return float(self.median[: self._before].mean())

    @property
    def _before(self) -> int:
        """Number of steps that learn nothing yet: the first tenth."""
        return max(1, len(self.rates) // 10)

    @property
    def _error(self) -> float:
        """Standard error of a point of the smoothed curve, which averages over some steps."""
        rest = (self.median - self.smoothed)[: self.lowest + 1]
        averaged = 2 * math.sqrt(math.pi) * max(1.0, _WIDTH * len(self.rates))
        return float(rest.std() / math.sqrt(averaged))


def smooth(values: Sequence[float] | NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """(n,) values under a Gaussian window of a standard deviation `width`; truncated at the ends."""
    y = np.asarray(values, dtype=np.float64)
    distance = np.arange(len(y))[:, None] - np.arange(len(y))
    weights = np.exp(-0.5 * (distance / width) ** 2)
    return np.asarray((weights @ y) / weights.sum(axis=1), dtype=np.float64)


def exponential(least: float, greatest: float, steps: int) -> tuple[float, ...]:
    """Rates from the least to the greatest, each the same multiple of the one before."""
    return tuple(least * (greatest / least) ** (step / (steps - 1)) for step in range(steps))
