"""Plots of a sweep, in its directory: history, parallel coordinates, importance.

They are our own, and not those of `optuna.visualization.matplotlib`: these work on pyplot's global state and leave its
style changed, rank single repeats instead of means, and one bad job makes all other lines look the same.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from leyden.plots.plot import as_png, plot_style
from leyden.plots.style import BLUE, LIGHT
from leyden.sweeps.summary.history_plot import history
from leyden.sweeps.summary.importance import (
    INTERACTIONS,
    NOISE,
    NothingToPlotError,
    importance,
    is_complete,
    spans_decades,
)
from leyden.sweeps.summary.parallel_plot import parallel
from leyden.sweeps.summary.summary import Summary
from leyden.system.atomic_files import replacing
from leyden.system.errors import UserError
from leyden.system.formatting import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REMEDY = "uv sync --extra sweeps"
_TOO_FEW = "no plots: they need two jobs with a result"
_LABELS = {INTERACTIONS: "interactions", NOISE: "between repeats"}


def draw(summary: Summary, folder: Path | None = None) -> tuple[list[Path], str | None]:
    """Draw the plots that can be drawn; returns their paths, and in one line the others with the reason.

    Where not all jobs can be ranked together, each part has its own: history_val_acc_MNIST.png.

    Args:
        folder: of their files; by default the sweep's directory.

    Raises:
        UserError: the folder cannot be written.
    """
    made: list[Path] = []
    reasons: list[str] = []
    for part in summary.rankings:
        paths, why_not = _draw(part, folder or summary.dir)
        made += paths
        if why_not and (paths or not summary.parts):
            reasons.append(f"{part.title}: {why_not}" if part.title else why_not)
    return made, "; ".join(reasons) or (None if made else _TOO_FEW)


def _draw(summary: Summary, folder: Path) -> tuple[list[Path], str | None]:
    if sum(result.counts(summary.objectives) for result in summary.results) < 2 or not summary.objectives:
        return [], _TOO_FEW
    made: list[Path] = []
    why_not: dict[str, list[str]] = {}
    plots: dict[str, Callable[[Summary], Figure]] = {
        "history.png": history,
        "parallel.png": parallel,
        "importance.png": importance_bars,
    }
    with plot_style():
        for name, make in plots.items():
            path = folder / _file_name(name, summary.title)
            try:
                figure = make(summary)
                with replacing(path) as file:
                    file.write(as_png(figure))
                made.append(path)
            except NothingToPlotError as error:
                why_not.setdefault(str(error), []).append(name)
            except ModuleNotFoundError as error:
                why_not.setdefault(f"{error.name} is not installed; {_REMEDY}", []).append(name)
            except OSError as error:
                raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    return made, "; ".join(f"no {' and '.join(names)}: {why}" for why, names in why_not.items()) or None


def _file_name(name: str, title: str) -> str:
    """Name of a plot's file, with the title of a part without its mode."""
    plain = re.sub(r"\W+", "_", re.sub(r" \(\w+ first\)", "", title)).strip("_")
    return name.replace(".", f"_{plain}.") if plain else name


def importance_bars(summary: Summary) -> "Figure":
    """Plot of the importance of settings, for each objective that has one.

    Raises:
        NothingToPlotError: none has.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    found, why_not = {}, ""
    for name in summary.objectives:
        try:
            found[name] = importance(summary, name)
        except NothingToPlotError as error:
            why_not = str(error)
    if not found:
        raise NothingToPlotError(why_not)
    most = max(map(len, found.values()))
    figure = Figure(figsize=(7.5, len(found) * (1.5 + 0.36 * most)), layout="constrained")
    for axes, (name, shares) in zip(figure.subplots(len(found), squeeze=False)[:, 0], found.items(), strict=True):
        labels = [_LABELS.get(key) or shortened(key, 40) for key in shares]
        colors = [LIGHT if key in _LABELS else BLUE for key in shares]
        bars = axes.barh(range(len(shares)), list(shares.values()), color=colors, height=0.7)
        percents = [f"{share:.0%}" if share >= 0.01 else "< 1%" for share in shares.values()]
        axes.bar_label(bars, percents, padding=4, size=9)
        axes.set_yticks(range(len(shares)), labels)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, max(shares.values()) * 1.12)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="x")
        axes.set_title(_title(summary, name))
    return figure


def _title(summary: Summary, name: str) -> str:
    values = [result.values[name] for result in summary.results if result.counts(summary.objectives)]
    is_search = summary.record.get("kind") == "search"  # in fewer than 50, five trials stand for the best tenth
    few = "\nfew results: a hint at most" if len(values) < (50 if is_search else 10) else ""
    if is_search:
        return f"Settings that make a trial one of the best by {name}\n(PED-ANOVA over {len(values)} trials){few}"
    overlap = "" if is_complete(summary) else "; not every combination has a result, so shares may overlap"
    measure = f"log {name}" if spans_decades(values) else name
    return f"Explained variance of {measure}\n({len(values)} jobs{overlap}){few}"
