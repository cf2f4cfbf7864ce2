"""Parallel coordinates: an axis for each setting and objective, a line for each group of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from leyden.sweeps.summary.importance import NothingToShowError, spans_decades
from leyden.sweeps.summary.results import is_number
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.texts import shortened, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ABSENT = "not set"


@dataclass(frozen=True)
class Axis:
    """One axis, from 0 (its foot) to 1.

    Attributes:
        head: its name.
        heights: of each line.
        ticks: heights and what stands there.
    """

    head: str
    heights: list[float]
    ticks: list[tuple[float, str]]


def parallel(summary: Summary) -> "Figure":
    """One line for each ranked group, so repeats are not seen.

    The colour is the rank, as values would let one bad job make all others look the same.

    Raises:
        NothingToShowError: there are no two lines that differ.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch

    groups, best = summary.groups, summary.best
    axes_ = [axis_of(key, [group.settings.get(key, ...) for group in groups]) for key in summary.swept]
    axes_ = [axis for axis in axes_ if len(set(axis.heights)) > 1]
    if not summary.swept:
        raise NothingToShowError("nothing but repeats is swept")
    if len(groups) < 2 or not axes_:
        raise NothingToShowError("fewer than two different settings have a result")
    axes_ += [axis_of(name, [group.values[name].mean for group in groups], True) for name in summary.objectives]
    figure = Figure(figsize=(max(7.5, 1.3 + 1.75 * len(axes_)), 4.6), layout="constrained")
    axes = figure.add_subplot()
    colors = colormaps["viridis"]
    worst = max(group.place for group in groups)
    results = len(axes_) - len(summary.objectives)
    apart = [spread_out(axis.heights) if at < results else axis.heights for at, axis in enumerate(axes_)]
    opacity = max(0.25, min(0.85, 25 / len(groups)))
    for row in reversed(range(len(groups))):  # the best last, on top
        is_best = groups[row] in best
        path = curve([heights[row] for heights in apart])
        color = "#e07b00" if is_best else colors(0.05 + 0.87 * (groups[row].place - 1) / max(1, worst - 1))
        style = {"lw": 2.8, "alpha": 1.0, "zorder": 3} if is_best else {"lw": 1.3, "alpha": opacity, "zorder": 2}
        axes.add_patch(PathPatch(path, facecolor="none", edgecolor=color, **style))
    for place, axis in enumerate(axes_):
        axes.plot([place, place], [-0.03, 1.03], color="#444444", lw=1.1, zorder=4)
        bold = "bold" if place >= results else "normal"
        head = shortened(axis.head, 22)
        axes.text(place, 1.06, head, ha="center", va="bottom", size=10, weight=bold)
        for height, text in axis.ticks:
            axes.plot([place - 0.015, place], [height, height], color="#444444", lw=1, zorder=4)
            box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.82, "lw": 0}
            label = shortened(text, 16)
            axes.text(place - 0.035, height, label, ha="right", va="center", size=8.5, bbox=box, zorder=5)
    axes.set(xlim=(-0.45, len(axes_) - 0.9), ylim=(-0.05, 1.13))
    axes.axis("off")
    _add_legend(axes, colors, len(summary.objectives) > 1)
    return figure


def _add_legend(axes: Any, colors: Any, is_front: bool) -> None:
    from matplotlib.lines import Line2D

    best, good, bad = ("front 1", "next fronts", "last front") if is_front else ("best", "high rank", "low rank")
    lines = [Line2D([], [], color="#e07b00", lw=2.8, label=best)]
    lines += [Line2D([], [], color=colors(at), lw=1.8, label=label) for at, label in ((0.05, good), (0.92, bad))]
    axes.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3)


def spread_out(heights: Sequence[float]) -> list[float]:
    """Heights that several lines share, a little apart, so that no line hides another; the first one lowest."""
    shared: dict[float, list[int]] = {}
    for row, height in enumerate(heights):
        shared.setdefault(height, []).append(row)
    room = min((high - low for low, high in pairwise(sorted(shared))), default=1.0)
    width = min(0.06, 0.3 * room)
    apart = list(heights)
    for height, rows in shared.items():
        for place, row in enumerate(rows[1:], start=1):
            apart[row] = height + width * (place / (len(rows) - 1) - 0.5)
        if len(rows) > 1:
            apart[rows[0]] = height - width / 2
    return apart


def curve(heights: Sequence[float]) -> Any:
    """A smooth line through the heights at 0, 1, 2 …, level where it crosses an axis."""
    from matplotlib.path import Path

    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for place, (before, height) in enumerate(pairwise(heights)):
        points += [(place + 0.4, before), (place + 0.6, height), (place + 1.0, height)]
        codes += [Path.CURVE4] * 3
    return Path(points, codes)


def axis_of(head: str, values: Sequence[Any], is_result: bool = False) -> Axis:
    """Where values stand on an axis: numbers to a scale, which is logarithmic where they span decades; others evenly.

    Args:
        head: its name.
        values: one for each line; `...` for none.
        is_result: measured, so that ticks are round numbers and not the values themselves.
    """
    there = [value for value in values if value is not ...]
    absent = len(there) < len(values)
    if there and all(map(is_number, there)):
        return _numbers(head, values, absent, is_result)
    texts = sorted({shown(value) for value in there}, key=lambda text: _as_number(text))
    levels = [None, *texts] if absent else texts
    at = {level: place / (len(levels) - 1) if len(levels) > 1 else 0.5 for place, level in enumerate(levels)}
    heights = [at[None if value is ... else shown(value)] for value in values]
    every = 1 + (len(levels) - 1) // 16
    return Axis(head, heights, [(at[level], _ABSENT if level is None else level) for level in levels[::every]])


def _numbers(head: str, values: Sequence[Any], absent: bool, is_result: bool) -> Axis:
    from matplotlib.scale import LogTransform
    from matplotlib.ticker import LogLocator, MaxNLocator

    there = sorted({float(value) for value in values if value is not ...})
    least, most, foot = there[0], there[-1], 0.14 if absent else 0.0
    is_log = spans_decades([float(value) for value in values if value is not ...])
    scale = LogTransform(10).transform if is_log else lambda value: value

    def height(value: float) -> float:
        if least == most:
            return (1 + foot) / 2
        return float(foot + (1 - foot) * (scale(value) - scale(least)) / (scale(most) - scale(least)))

    chosen = there
    if is_result or len(there) > 6:
        locator = LogLocator(subs=(1.0, 2.0, 5.0) if most < 100 * least else (1.0,)) if is_log else MaxNLocator(5)
        inside = [tick for tick in locator.tick_values(least, most) if least < tick < most]
        ends = [least, most]
        chosen = [*ends, *(tick for tick in inside if all(abs(height(tick) - height(end)) > 0.06 for end in ends))]
    heights = [0.0 if value is ... else height(float(value)) for value in values]
    ticks = [(height(tick), f"{tick:.4g}") for tick in chosen]
    return Axis(head, heights, [*([(0.0, _ABSENT)] if absent else []), *ticks])


def _as_number(text: str) -> tuple[bool, float, str]:
    """What texts are sorted by: numbers first."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text
