"""Learning curves of a run, from the values that it logged: losses, metrics, learning rate, time of an epoch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leyden.plots.plot import Plot
from leyden.plots.style import BLUE, CYCLE, GREY, ORANGE, TICKS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEARNING_RATE, EPOCH_TIME = "lr-", "time/epoch"
_MOST_METRICS = 4
_FEW = 30  # points, which are marked


class Curve(NamedTuple):
    """Values of one name over a run.

    Attributes:
        steps: index of the optimizer step at which each value was logged, from 0.
        values: as many; NaN included.
    """

    steps: list[int]
    values: list[float]


def read_curves(table: Path) -> dict[str, Curve]:
    """Every logged value of a metrics.csv, by name, `epoch` included; empty if there is no such file yet."""
    import polars as pl

    try:
        rows = pl.read_csv(table, infer_schema=False, truncate_ragged_lines=True)
    except (OSError, pl.exceptions.PolarsError):  # or without a row
        return {}
    if "step" not in rows.columns:
        return {}
    rows = rows.select(pl.col("step").cast(pl.Int64, strict=False), pl.exclude("step").cast(pl.Float64, strict=False))
    curves = {}
    for name in rows.columns:
        if name != "step" and len(of := rows.select("step", name).drop_nulls()):
            curves[name] = Curve(of["step"].to_list(), of[name].to_list())
    return curves


def steps_of_epoch(curves: Mapping[str, Curve]) -> float:
    """Optimizer steps of an epoch; 1 if no epoch has ended."""
    epochs = curves.get("epoch", Curve([], []))
    ends = {int(epoch): step for step, epoch in zip(*epochs, strict=True) if math.isfinite(epoch)}
    return max([(step + 1) / (epoch + 1) for epoch, step in ends.items()], default=1.0)


def best_of(curves: Mapping[str, Curve], monitor: str, mode: str) -> tuple[int, float] | None:
    """Step and value of the best value of a metric; of equals the one with the lowest loss, as in best.ckpt.

    None without a finite value.
    """
    steps, values = curves.get(monitor, Curve([], []))
    losses = dict(zip(*curves.get(f"{monitor.partition('/')[0]}/loss", Curve([], [])), strict=True))
    sign = -1 if mode == "max" else 1
    finite = [(sign * v, losses.get(s, math.inf), s) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
    if not finite:
        return None
    value, _, step = min(finite)
    return step, sign * value


def learning_curves(curves: Mapping[str, Curve], monitor: str, mode: str) -> Plot | None:
    """Figure of the losses, metrics, learning rates and epoch times of a run; None if nothing was logged yet.

    Args:
        curves: of the run.
        monitor: name of the metric that decides which epoch is the best.
        mode: min or max.
    """
    panels = _metric_panels(curves, monitor)
    rates = _rates(curves)
    number = len(panels) + bool(rates) + (EPOCH_TIME in curves)
    if not panels:
        return None
    columns = 2 if number in (2, 4) else min(3, number)
    rows = -(-number // columns)
    figure, axes = new_figure(3.3 * columns + 0.4, 2.5 * rows + 0.3, rows, columns)
    scale, best = 1 / steps_of_epoch(curves), best_of(curves, monitor, mode)
    places = iter(axes)
    for name, shown in panels.items():
        place = next(places)
        for key, color in shown.items():
            _draw(place, curves[key], scale, key.partition("/")[0], color)
        if best and monitor in shown:
            at, value = (best[0] + 1) * scale, best[1]
            place.plot(at, value, "o", color="black", ms=8, mfc="none", mew=1.2, label="best", zorder=5)
        place.set_title(name)
        if name == "loss":
            _use_log_scale(place, [value for key in shown for value in curves[key].values])
        if place is axes[0] or monitor in shown:  # colours mean the same in all
            place.legend(handlelength=1.2)
    if rates:
        place = next(places)
        for (name, key), color in zip(rates.items(), CYCLE, strict=False):
            _draw(place, curves[key], scale, name, color, marked=False)
        place.set_title("learning rate")
        place.set_ylim(0, None)
        if len(rates) > 1:
            place.legend(handlelength=1.2)
    if EPOCH_TIME in curves:
        place = next(places)
        _draw(place, curves[EPOCH_TIME], scale, "", GREY)
        place.set_title("time of an epoch (s)")
        place.set_ylim(0, None)
    for place in places:
        place.remove()
    end = max(curve.steps[-1] + 1 for curve in curves.values()) * scale
    for place in axes[:number]:
        place.set(xlabel="epoch", xlim=(0, 1.03 * end))
        place.locator_params("x", integer=end >= 2, nbins=TICKS)
        if place.get_yscale() == "linear":
            place.locator_params("y", nbins=TICKS)
        place.grid()
    return Plot("learning_curves", "Learning curves", _caption(curves, monitor, best, scale), figure)


def _metric_panels(curves: Mapping[str, Curve], monitor: str) -> dict[str, dict[str, str]]:
    """Colour of each curve in each panel: the loss, then the monitored metric, then others."""
    names = ["loss", monitor.partition("/")[2]]
    names += [name.partition("/")[2] for name in curves if name.startswith(("train/", "val/"))]
    panels = {}
    for name in dict.fromkeys(names):
        pairs = {f"train/{name}": BLUE, f"val/{name}": ORANGE}
        shown = {key: c for key, c in pairs.items() if key in curves and any(map(math.isfinite, curves[key].values))}
        if shown and not name.endswith("_step"):
            panels[name] = shown
    return dict(list(panels.items())[:_MOST_METRICS])


def _rates(curves: Mapping[str, Curve]) -> dict[str, str]:
    """Learning rates by their labels; of groups of parameters with the same rate the first."""
    names = [name for name in curves if name.startswith(LEARNING_RATE)]
    alike = {(tuple(curves[name].steps), tuple(curves[name].values)): name for name in reversed(names)}
    return {name.removeprefix(LEARNING_RATE): name for name in names if name in alike.values()}


def _draw(axes: "Axes", curve: Curve, scale: float, label: str, color: str, marked: bool = True) -> None:
    epochs = [(step + 1) * scale for step in curve.steps]
    marker = "o" if marked and len(epochs) < _FEW else None
    axes.plot(epochs, curve.values, color=color, lw=1.6, label=label, marker=marker, ms=3)


def _caption(curves: Mapping[str, Curve], monitor: str, best: tuple[int, float] | None, scale: float) -> str:
    if best is None:
        return f"{monitor} has no value yet."
    step, value = best
    epoch, last = (step + 1) * scale, curves[monitor].values[-1]
    when = f"after epoch {epoch:.3g}" if epoch >= 1 else f"after step {step + 1}"
    return f"{monitor} is best {when}: {value:.4g}. Its last value is {last:.4g}."


def _use_log_scale(axes: "Axes", values: Sequence[float]) -> None:
    """Use a logarithmic axis if the values span more than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > 10 * min(finite):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
