"""How a sweep went: what each job came to, one after the other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from leyden.sweeps.summary.importance import spans_decades
from leyden.sweeps.summary.results import Result
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.texts import shortened, with_deviation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, RED, GREY = "#3b6ea5", "#e07b00", "#c0392b", "#777777"


def history(summary: Summary) -> "Figure":
    """Each objective of each job in the order in which they were begun, with what the table calls the best."""
    from matplotlib.figure import Figure

    ordered = sorted(summary.results, key=_order)
    figure = Figure(figsize=(7.5, 0.6 + 3 * len(summary.objectives)), layout="constrained")
    all_axes = figure.subplots(len(summary.objectives), sharex=True, squeeze=False)[:, 0]
    for axes, (name, mode) in zip(all_axes, summary.objectives.items(), strict=True):
        _history(axes, summary, ordered, name, mode)
    all_axes[-1].set_xlabel(
        "trial" if all(result.trial is not None for result in ordered) else "jobs in the order in which they began"
    )
    title = shortened(f"{len(ordered)} jobs of {summary.dir.resolve().name}", 80)
    figure.suptitle(title, x=0.01, ha="left", size=11)
    return figure


def _history(axes: "Axes", summary: Summary, ordered: Sequence[Result], name: str, mode: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    number = {r.name: place if r.trial is None else r.trial for place, r in enumerate(ordered, start=1)}
    finished = [r for r in ordered if r.counts(summary.objectives)]
    values = [r.values[name] for r in finished]
    if spans_decades(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    pruned = [r for r in ordered if r.status == "pruned" and abs(r.values.get(name, float("nan"))) < float("inf")]
    axes.scatter([number[r.name] for r in finished], values, s=26, color=BLUE, alpha=0.8, lw=0, label="finished")
    if pruned:
        at = [number[r.name] for r in pruned]
        axes.scatter(
            at, [r.values[name] for r in pruned], s=24, color=GREY, marker="x", lw=1, label="pruned, where it was"
        )
    if summary.repeats:
        _best_mean(axes, summary, name, mode)
    else:
        _best_so_far(axes, [(number[r.name], r.values[name]) for r in finished], max(number.values()), mode)
    broken = {"failed": (RED, ("failed", "killed")), "finished without it": (GREY, ("finished",))}
    for label, (color, statuses) in broken.items():
        at = [number[r.name] for r in ordered if r.status in statuses and r not in finished]
        low = axes.get_xaxis_transform()
        if at:
            axes.scatter(at, [0.02] * len(at), s=40, color=color, marker="|", transform=low, label=label, zorder=3)
    axes.set_ylabel(f"{name} ({'the more' if mode == 'max' else 'the less'} the better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    handles = axes.get_legend_handles_labels()[0]
    axes.legend(handles=handles, ncols=4, loc="lower left", bbox_to_anchor=(-0.02, 1.0))


def _best_so_far(axes: "Axes", points: Sequence[tuple[int, float]], last: int, mode: str) -> None:
    """The best of single jobs: a line of steps, and a star."""
    better = max if mode == "max" else min
    places, values = [place for place, _ in points], [value for _, value in points]
    best = [better(values[: place + 1]) for place in range(len(values))]
    axes.step([*places, last], [*best, best[-1]], where="post", color=ORANGE, lw=1.8, zorder=1)
    place, label = places[values.index(best[-1])], f"best: {best[-1]:.4g}"
    axes.scatter([place], [best[-1]], s=150, color=ORANGE, marker="*", label=label, zorder=3)


def _best_mean(axes: "Axes", summary: Summary, name: str, mode: str) -> None:
    """The best mean as a level line; the best of single repeats was lucky, and is no result."""
    spreads = [] if summary.lucky else [group.values[name] for group in summary.groups]
    if spreads:
        best = (max if mode == "max" else min)(spreads, key=lambda spread: spread.mean)
        label = f"{'best ' * (len(spreads) > 1)}mean: {with_deviation(best)}"
        axes.axhline(best.mean, color=ORANGE, lw=1.8, zorder=1, label=label)


def _order(result: Result) -> tuple[int, float]:
    """The trial, or the moment at which it began; what never began comes last."""
    if result.trial is not None:
        return result.trial, 0.0
    return 0, result.started.timestamp() if result.started else float("inf")
