"""Tables of metrics: of one run by split and epoch, of several runs side by side."""

import math
from collections.abc import Sequence

from leyden.reports.html import Html, element, table
from leyden.reports.run_files import RunFiles
from leyden.system.formatting import number

_LOWER = ("loss", "mae", "mse", "rmse", "error", "perplexity")  # metrics that are best when they are lowest
_HIGHER = ("acc", "accuracy", "f1", "r2", "psnr", "auroc", "precision", "recall")


def metrics_of_run(run: RunFiles) -> Html:
    """Table of a run: a row for each metric, columns for the best epoch, the last one, and the test."""
    best, last = run.best_epoch, run.history.last_epoch
    recorded = run.metrics
    columns: dict[str, dict[str, float]] = {}
    for epoch, kind in [(best, "best"), (last if last != best else None, "last")]:
        for split in ("train", "val") if epoch else ():
            values = {name: series[epoch] for name, series in run.history.epochs.items() if epoch in series}
            columns[f"{split}, {kind} epoch ({epoch})"] = _of_split(values, split)
    if not run.history.epochs:
        columns |= {f"{split}, last epoch": _of_split(recorded, split) for split in ("train", "val")}
    columns["test"] = _of_split(recorded, "test")
    columns = {head: values for head, values in columns.items() if values}
    monitored = run.monitor.partition("/")[2]
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    names.sort(key=lambda name: (name != monitored, name != "loss", name))
    if not names:
        return Html("")
    rows = [[name, *(_shown(values.get(name)) for values in columns.values())] for name in names]
    return table(["", *columns], rows, [False] + [True] * len(columns))


def metrics_of_runs(runs: Sequence[RunFiles], names: Sequence[Html]) -> Html:
    """Table of several runs: a row for each metric, the best value marked where it is known which is better.

    None is marked for runs of different tasks, whose losses measure different things.
    """
    found = {}
    is_comparable = len({str((run.config.get("task") or {}).get("_target_")) for run in runs}) == 1
    for metric in _common(runs):
        values = [_value(run, metric) for run in runs]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        mode = mode_of(metric, runs) if is_comparable else None
        top = (max if mode == "max" else min)(finite) if mode and len(finite) > 1 and len(set(finite)) > 1 else None
        found[metric] = [
            element("span", _shown(value), class_="best") if top is not None and value == top else _shown(value)
            for value in values
        ]
    rows = [[metric, *cells] for metric, cells in found.items()]
    return table(["", *names], rows, [False] + [True] * len(runs)) if rows else Html("")


def mode_of(metric: str, runs: Sequence[RunFiles]) -> str | None:
    """Whether a metric is best when it is highest (`max`) or lowest (`min`); None if that is not known.

    A run knows it of the metric that it monitors, and of the same metric of other splits.
    """
    name = metric.removeprefix("best/").partition("/")[2]
    modes = {run.mode for run in runs if run.monitor.partition("/")[2] == name}
    if len(modes) == 1:
        return modes.pop()
    if is_error(name):
        return "min"
    return "max" if name in _HIGHER or (name.startswith("top") and name[3:].isdigit()) else None


def is_error(name: str) -> bool:
    """True for a metric, without its split, that is best when it is lowest."""
    return name in _LOWER or name.endswith("_loss")


def _common(runs: Sequence[RunFiles]) -> list[str]:
    """Metrics of any of the runs: those of the test, the best ones, then those of the last epoch."""
    names = {name for run in runs for name in run.metrics}
    names |= {f"best/{run.monitor}" for run in runs if run.best is not None}
    order = ("test/", "best/", "val/", "train/")
    ranked = [name for name in names if name.startswith(order)]
    return sorted(ranked, key=lambda name: (next(n for n, part in enumerate(order) if name.startswith(part)), name))


def _value(run: RunFiles, metric: str) -> float | None:
    return run.best if metric == f"best/{run.monitor}" else run.metrics.get(metric)


def _of_split(values: dict[str, float], split: str) -> dict[str, float]:
    return {name.partition("/")[2]: value for name, value in values.items() if name.startswith(f"{split}/")}


def _shown(value: float | None) -> str:
    return "" if value is None else number(value) if math.isfinite(value) else str(value)
