"""Plot of a learning rate range test."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leyden.plots.plot import plot_style
from leyden.plots.style import BLUE, GREY, RED
from leyden.tuning.range_test import RangeTest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RAW = "#b8c4d6"


def draw(test: RangeTest, title: str, output: Path) -> None:
    """Draw the losses of each training, their smoothed median and the suggested rate.

    Args:
        test: with at least one point.
        output: the file; its suffix is the format.
    """
    with plot_style():
        _figure(test, title).savefig(output, dpi=130)


def _figure(test: RangeTest, title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for number, losses in enumerate(test.losses):
        label = f"{len(test.losses)} trainings" if len(test.losses) > 1 else "one training"
        axes.plot(test.rates[: len(losses)], losses, color=_RAW, linewidth=0.9, label=None if number else label)
    curve = test.smoothed
    axes.plot(test.rates[: len(curve)], curve, color=BLUE, linewidth=2.2, label="median, smoothed")
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", title=title)
    axes.set(xlim=(test.rates[0], test.rates[-1]), ylim=_limits(test))
    if (rate := test.suggestion) is not None:
        axes.axvline(test.rates[test.edge], color=GREY, linewidth=1, label="edge: the loss has risen again by a tenth")
        axes.axvline(rate, color=RED, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(rate, test.loss_at(rate), "o", color=RED, markersize=8, markeredgecolor="white", zorder=4)
        axes.annotate(
            f"suggested: {rate:g}",
            (rate, test.loss_at(rate)),
            xytext=(-12, -16),
            textcoords="offset points",
            horizontalalignment="right",
            verticalalignment="top",
            color=RED,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            zorder=5,
        )
    axes.grid(which="major")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)  # the curves may be anywhere
    return figure


def _limits(test: RangeTest) -> tuple[float, float]:
    """Limits of the loss axis, without divergence, next to which all else would look flat."""
    curve = test.smoothed
    shown = np.array([loss for losses in test.losses for loss in losses[: test.edge + 1] if math.isfinite(loss)])
    least, greatest = min(curve.min(), np.quantile(shown, 0.01)), max(curve[: test.lowest + 1].max(), curve[0])
    room = (greatest - least) or abs(greatest) or 1.0
    return float(least - 0.2 * room), float(greatest + 0.6 * room)
