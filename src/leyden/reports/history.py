"""History of a run: its metrics.csv by metric and epoch, or by step."""

import bisect
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

METRICS = "metrics.csv"

Series = dict[int, float]  # values by epoch, from 1, or by step


@dataclass(frozen=True)
class History:
    """Logged values of a run, without those of its test and those of single steps that have a mean over the epoch.

    Attributes:
        epochs: by metric; the last value of each epoch.
        steps: by metric, of those that are logged without an epoch, such as the learning rate.
        ends: last step of each epoch that has ended.
    """

    epochs: dict[str, Series] = field(default_factory=dict)
    steps: dict[str, Series] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def of(self, name: str) -> Series:
        """Values of a metric by epoch; empty if it was not logged."""
        return self.epochs.get(name, {})

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Epochs (from 1) and values of a metric; of one that is logged within epochs, fractions of them."""
        series = self.epochs.get(name)
        if series is not None:
            return [(float(epoch), series[epoch]) for epoch in sorted(series)]
        by_step = self.steps.get(name, {})
        return [(self.in_epochs(step), by_step[step]) for step in sorted(by_step)]

    def in_epochs(self, step: int) -> float:
        """Number of epochs that have passed after a step; the number of steps if no epoch has ended."""
        epochs, ends = self._ends
        if not epochs:
            return step + 1.0
        place = min(bisect.bisect_left(ends, step), len(ends) - 1)
        before, begin = (ends[place - 1], epochs[place - 1]) if place else (-1, epochs[0] - 1)
        return begin + (epochs[place] - begin) * (step - before) / max(1, ends[place] - before)

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Epochs, and the last step of each."""
        epochs = sorted(self.ends)
        return epochs, [self.ends[epoch] for epoch in epochs]

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch that has a value; 0 without any."""
        return max((epoch for series in self.epochs.values() for epoch in series), default=0)

    def best_epoch(self, monitor: str, mode: str) -> int | None:
        """Epoch of the best value of a metric, as best.ckpt has it: of equal ones that with the lowest loss."""
        losses = self.of(f"{monitor.partition('/')[0]}/loss")
        sign = -1 if mode == "max" else 1
        ranked = [
            (sign * value, losses.get(epoch, math.inf), epoch)
            for epoch, value in self.of(monitor).items()
            if math.isfinite(value)
        ]
        return min(ranked)[2] if ranked else None


def read_history(run_dir: Path) -> History:
    """The history in a run directory; empty without a metrics.csv. Cells that are no numbers are skipped.

    Raises:
        OSError: the file cannot be read.
    """
    history = History()
    path = run_dir / METRICS
    if not path.is_file():
        return history
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for epoch, step, name, value in _cells(csv.reader(file)):
            if epoch is None:
                if step is not None:
                    history.steps.setdefault(name, {})[step] = value
            else:
                history.epochs.setdefault(name, {})[epoch + 1] = value
                if step is not None:
                    history.ends[epoch + 1] = step
    return history


def _cells(rows: Iterator[list[str]]) -> Iterator[tuple[int | None, int | None, str, float]]:
    """Epoch, step, name and value of each cell that has a number and is of interest."""
    heads = next(rows, [])
    places = {name: place for place, name in enumerate(heads)}
    names = [(name, place) for name, place in places.items() if name not in ("epoch", "step")]
    names = [(name, place) for name, place in names if not (name.startswith("test/") or name.endswith("_step"))]
    try:
        for row in rows:
            found = [(name, row[place]) for name, place in names if place < len(row) and row[place]]
            if not found:
                continue
            epoch, step = (_whole(row, places.get(name)) for name in ("epoch", "step"))
            for name, cell in found:
                if (value := _number(cell)) is not None:
                    yield epoch, step, name, value
    except csv.Error:  # the last line of a run that is being killed
        return


def _whole(row: list[str], place: int | None) -> int | None:
    value = _number(row[place]) if place is not None and place < len(row) else None
    return int(value) if value is not None and math.isfinite(value) else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
