"""Pictures of a sweep, in its directory: how it went, what matters, and which settings go with what result."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leyden.sweeps.summary.history import BLUE, GREY, history
from leyden.sweeps.summary.importance import (
    FEW,
    FEW_OF_SEARCH,
    NOISE,
    TOGETHER,
    NothingToShowError,
    importance,
    is_complete,
    left_out,
    some_have,
    spans_decades,
)
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.texts import shortened
from leyden.system.atomic_files import replacing
from leyden.system.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALE = "#c4c9d0"
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a setting may have dollars in it
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "grid.color": "#e6e8eb",
}
_REMEDY = "uv sync --extra plots --extra sweeps"


def draw(summary: Summary) -> tuple[list[Path], str | None]:
    """Make what pictures can be made; returns their paths, and in a line which others were not and why.

    Raises:
        UserError: the directory cannot be written.
    """
    if sum(result.counts(summary.objectives) for result in summary.results) < 2 or not summary.objectives:
        return [], "no pictures: they need two jobs with a result"
    if importlib.util.find_spec("matplotlib") is None:
        return [], f"no pictures: matplotlib is not installed; {_REMEDY}"
    from matplotlib import rc_context

    from leyden.sweeps.summary.parallel import parallel

    made: list[Path] = []
    why_not: dict[str, list[str]] = {}
    pictures: dict[str, Callable[[Summary], Figure]] = {
        "history.png": history,
        "parallel.png": parallel,
        "importance.png": bars,
    }
    with rc_context(_STYLE):
        for name, make in pictures.items():
            path = summary.dir / name
            try:
                figure = make(summary)
                with replacing(path) as file:
                    figure.savefig(file, format="png", dpi=130, facecolor="white")
                made.append(path)
            except NothingToShowError as error:
                why_not.setdefault(str(error), []).append(name)
            except ModuleNotFoundError as error:
                why_not.setdefault(f"{error.name} is not installed; {_REMEDY}", []).append(name)
            except OSError as error:
                raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    return made, "; ".join(f"no {' and '.join(names)}: {why}" for why, names in why_not.items()) or None


def bars(summary: Summary) -> "Figure":
    """What matters for each objective of which something can be said.

    Raises:
        NothingToShowError: of none.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    found, why_not = {}, ""
    for name in summary.objectives:
        try:
            found[name] = importance(summary, name)
        except NothingToShowError as error:
            why_not = str(error)
    if not found:
        raise NothingToShowError(why_not)
    most = max(map(len, found.values()))
    figure = Figure(figsize=(7.5, len(found) * (1.5 + 0.36 * most)), layout="constrained")
    for axes, (name, shares) in zip(figure.subplots(len(found), squeeze=False)[:, 0], found.items(), strict=True):
        labels = [_label(summary, key) for key in shares]
        colors = [PALE if key in _LABELS else BLUE for key in shares]
        drawn = axes.barh(range(len(shares)), list(shares.values()), color=colors, height=0.7)
        percents = [f"{share:.0%}" if share >= 0.01 else "< 1%" for share in shares.values()]
        axes.bar_label(drawn, percents, padding=4, size=9)
        axes.set_yticks(range(len(shares)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, max(shares.values()) * 1.12), ylim=(len(shares) - 0.4, -0.6))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="x")
        axes.set_title(_explained(summary, name))
    return figure


def _label(summary: Summary, key: str) -> str:
    """What stands beside a bar: `momentum (when set)` where only some jobs have it."""
    return _LABELS.get(key, shortened(key, 40) + " (when set)" * (key in some_have(summary)))


_LABELS = {TOGETHER: "only together", NOISE: "between repeats"}


def _explained(summary: Summary, name: str) -> str:
    values = [result.values[name] for result in summary.results if result.counts(summary.objectives)]
    is_search = summary.record.get("kind") == "search"
    few = "\nfew results: a hint at most" if len(values) < (FEW_OF_SEARCH if is_search else FEW) else ""
    if is_search:
        gone = [f"{shortened(key, 40)} ({many} of {len(values)})" for key, many in left_out(summary).items()]
        without = f"\nleft out, as too few jobs have it: {shortened(', '.join(gone), 70)}" if gone else ""
        return f"What makes a job one of the best by {name}\n(PED-ANOVA over {len(values)} jobs){without}{few}"
    what = f"log {name}" if spans_decades(values) else name
    overlap = "" if is_complete(summary) else "; not every combination has a result, so shares may overlap"
    return f"What explains the variance of {what}\n({len(values)} jobs{overlap}){few}"
