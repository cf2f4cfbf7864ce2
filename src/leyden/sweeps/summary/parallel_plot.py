"""Parallel coordinates: an axis for each setting and objective, a line for each group of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leyden.sweeps.summary.importance import NothingToPlotError, spans_decades
from leyden.sweeps.summary.results import is_number
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.value_text import shown
from leyden.system.formatting import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BEST, _FOOT = "#e07b00", 0.14  # height of the lowest value where some lines have none, which are at 0


@dataclass(frozen=True)
class Axis:
    """One axis, from 0 (bottom) to 1 (top).

    Attributes:
        heights: of each line.
        ticks: heights and labels.
    """

    name: str
    heights: list[float]
    ticks: list[tuple[float, str]]


def parallel(summary: Summary) -> "Figure":
    """Plot of the ranked groups, coloured by rank: by value, one bad job would make all others look the same.

    Raises:
        NothingToPlotError: no two groups differ.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    groups, colors = summary.groups, colormaps["viridis"]
    settings = [axis_of(key, [group.settings.get(key, ...) for group in groups]) for key in summary.swept]
    settings = [axis for axis in settings if len(set(axis.heights)) > 1]
    if not summary.swept:
        raise NothingToPlotError("nothing but repeats is swept")
    if not settings:
        raise NothingToPlotError("fewer than two different settings have a result")
    results = [axis_of(name, [group.values[name].mean for group in groups], True) for name in summary.objectives]
    figure = Figure(figsize=(max(7.5, 1.3 + 1.75 * len(settings + results)), 4.6), layout="constrained")
    axes, worst = figure.add_subplot(), max(group.place for group in groups)
    names = ("front 1", "next fronts", "last front") if len(results) > 1 else ("best", "high rank", "low rank")
    for color, label in zip((_BEST, colors(0.05), colors(0.92)), names, strict=True):
        axes.plot([], [], color=color, lw=2, label=label)
    for row, group in reversed(list(enumerate(groups))):  # the best last, on top
        aside = 0.05 * (row / len(groups) - 0.5)  # or lines with the same settings would hide each other
        heights = [axis.heights[row] + aside for axis in settings] + [axis.heights[row] for axis in results]
        is_best = group in summary.best
        color = _BEST if is_best else colors(0.05 + 0.87 * (group.place - 1) / max(1, worst - 1))
        opacity = 1.0 if is_best else max(0.25, min(0.85, 25 / len(groups)))
        axes.plot(heights, color=color, lw=2.8 if is_best else 1.3, alpha=opacity)
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.82, "lw": 0}
    for place, axis in enumerate(settings + results):
        axes.axvline(place, 0.02, 0.98, color="#444444", lw=1.1)
        bold = "bold" if axis in results else "normal"
        axes.text(place, 1.06, shortened(axis.name, 22), ha="center", va="bottom", size=10, weight=bold)
        for height, label in axis.ticks:
            axes.text(place - 0.02, height, shortened(label, 16), ha="right", va="center", size=8.5, bbox=box, zorder=5)
    axes.set(xlim=(-0.45, len(settings + results) - 0.9), ylim=(-0.05, 1.05))
    axes.axis("off")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3)
    return figure


def axis_of(name: str, values: Sequence[Any], is_result: bool = False) -> Axis:
    """Heights of values: of numbers linear, or logarithmic where they span decades; of others evenly spaced.

    Args:
        values: one for each line; `...` for none.
        is_result: measured values, of which no single one is labelled.
    """
    from matplotlib.colors import LogNorm, Normalize

    present = [value for value in values if value is not ...]
    are_numbers = all(map(is_number, present))
    levels = {shown(value): value for value in sorted(present, key=_order)}
    points = list(levels.values()) if are_numbers else list(range(len(levels)))
    at = dict(zip(levels, points, strict=True))
    norm = (LogNorm if are_numbers and spans_decades(present) else Normalize)(points[0], points[-1])
    foot = _FOOT if len(present) < len(values) else 0.0

    def height(point: float) -> float:
        return foot + (1 - foot) * float(norm(point))

    if are_numbers and (is_result or len(levels) > 6):
        marks = [(float(point), f"{point:.3g}") for point in norm.inverse(np.linspace(0, 1, 6))]
    else:
        marks = [(point, f"{point:.4g}" if are_numbers else text) for text, point in at.items()]
    ticks = [(height(point), text) for point, text in marks[:: 1 + (len(marks) - 1) // 16]]
    heights = [0.0 if value is ... else height(at[shown(value)]) for value in values]
    return Axis(name, heights, [*([(0.0, "not set")] if foot else []), *ticks])


def _order(value: Any) -> tuple[bool, float, str]:
    """Sort key: numbers first, by size; then texts."""
    return (False, float(value), "") if is_number(value) else (True, 0.0, shown(value))
