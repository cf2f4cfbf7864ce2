"""History of a sweep: the objectives of its jobs in the order in which they started."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from leyden.plots.style import BLUE, GREY, ORANGE, RED
from leyden.sweeps.summary.importance import spans_decades
from leyden.sweeps.summary.results import Result
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.value_text import with_deviation
from leyden.system.formatting import count, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def history(summary: Summary) -> "Figure":
    """Plot of each objective, with the same best as in the table."""
    from matplotlib.figure import Figure

    ordered = sorted(summary.results, key=_order)
    figure = Figure(figsize=(7.5, 0.6 + 3 * len(summary.objectives)), layout="constrained")
    all_axes = figure.subplots(len(summary.objectives), sharex=True, squeeze=False)[:, 0]
    for axes, (name, mode) in zip(all_axes, summary.objectives.items(), strict=True):
        _history(axes, summary, ordered, name, mode)
    are_trials = all(result.trial is not None for result in ordered)
    all_axes[-1].set_xlabel("trial" if are_trials else "jobs in the order in which they started")
    title = shortened(f"{count(len(ordered), 'job')} of {summary.dir.resolve().name}", 80)
    figure.suptitle(title, x=0.01, ha="left", size=11)
    return figure


def _history(axes: "Axes", summary: Summary, ordered: Sequence[Result], name: str, mode: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    number = {r.name: place if r.trial is None else r.trial for place, r in enumerate(ordered, start=1)}
    points = {number[r.name]: r.values[name] for r in ordered if r.counts(summary.objectives)}
    pruned = {
        number[r.name]: r.values[name]
        for r in ordered
        if r.status == "pruned" and abs(r.values.get(name, float("nan"))) < float("inf")
    }
    if spans_decades(list(points.values())):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.scatter(list(points), list(points.values()), s=26, color=BLUE, alpha=0.8, lw=0, label="finished")
    if pruned:
        axes.scatter(
            list(pruned), list(pruned.values()), s=24, color=GREY, marker="x", lw=1, label="pruned, last value"
        )
    better = max if mode == "max" else min
    if not summary.repeats:
        best = list(accumulate(points.values(), better))
        axes.step([*points, max(number.values())], [*best, best[-1]], where="post", color=ORANGE, lw=1.8, zorder=1)
        place = next(place for place, value in points.items() if value == best[-1])
        label = f"best: {best[-1]:.4g}"
        axes.scatter([place], [best[-1]], s=150, color=ORANGE, marker="*", label=label, zorder=3)
    elif summary.groups and not summary.ranked_repeats:  # of means: the best single repeat was only lucky
        spread = better((group.values[name] for group in summary.groups), key=lambda spread: spread.mean)
        label = f"{'best ' * (len(summary.groups) > 1)}mean: {with_deviation(spread)}"
        axes.axhline(spread.mean, color=ORANGE, lw=1.8, zorder=1, label=label)
    for label, color, statuses in (("failed", RED, ("failed", "killed")), ("finished without it", GREY, ("finished",))):
        at = [number[r.name] for r in ordered if r.status in statuses and number[r.name] not in points]
        if at:
            bottom = axes.get_xaxis_transform()
            axes.scatter(at, [0.02] * len(at), s=40, color=color, marker="|", transform=bottom, label=label, zorder=3)
    axes.set_ylabel(f"{name} ({'higher' if mode == 'max' else 'lower'} is better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(-0.02, 1.0))


def _order(result: Result) -> tuple[int, float]:
    """Sort key: the trial, or the start time; jobs that never started come last."""
    if result.trial is not None:
        return result.trial, 0.0
    return 0, result.started.timestamp() if result.started else float("inf")
