"""Charts of the logged values of one or more runs."""

from collections.abc import Iterable, Sequence
from typing import Any

from leyden.reports.chart import Chart, Line, Point
from leyden.reports.history import History, Series
from leyden.reports.html import Html, element
from leyden.reports.metrics_table import is_error
from leyden.reports.overfitting import Verdict

_SPLITS = ("train", "val")
_OF_TRAINING = {  # what is no metric of a split, with its unit
    "gradient/norm": "gradient norm",
    "time/epoch": "time of an epoch, s",
    "time/items_per_second": "items per second",
    "memory/process_mb": "memory of the process, MB",
    "memory/gpu_mb": "memory of the GPU, MB",
}
_MOST = 24  # charts


def run_charts(history: History, monitor: str, best: int | None, verdict: Verdict) -> Html:
    """Charts of a run: each metric of training and validation, learning rates, and what else was logged."""
    charts = []
    for name in metric_names([history], monitor):
        lines = [Line(split, history.curve(f"{split}/{name}"), color) for color, split in enumerate(_SPLITS)]
        risen = "overfitting" if verdict.kind == "overfitting" else "val has risen"
        period = (float(verdict.begin), risen) if name == "loss" and verdict.begin else None
        event = (best, f"best {monitor}") if best and monitor.endswith(f"/{name}") else None
        charts.append(_chart(name, lines, [history], event=event, period=period, may_be_log=is_error(name)))
    rates = [Line(name, history.curve(name), number) for number, name in enumerate(_distinct_rates(history))]
    charts.append(_chart("learning rate", rates, [history], from_zero=True))
    for name in other_names([history]):
        title, lines = _OF_TRAINING.get(name, name), [Line(name, history.curve(name))]
        charts.append(_chart(title, lines, [history], from_zero=name in _OF_TRAINING, has_key=False))
    return grid(charts)


def overlaid_charts(names: Sequence[str], histories: Sequence[History], monitors: Sequence[str]) -> Html:
    """Charts of several runs, a colour for each: validation as solid lines, training as dashed ones."""
    charts = []

    def overlaid(title: str, curves: Sequence[list[Point]], from_zero: bool = False) -> Chart:
        runs = enumerate(zip(names, curves, strict=True))
        lines = [Line(run, points, number) for number, (run, points) in runs]
        return _chart(title, lines, histories, from_zero=from_zero, has_key=False)

    for name in metric_names(histories, *monitors):
        lines = [
            Line(f"{run}, {split}", history.curve(f"{split}/{name}"), number, dashed=split == "train")
            for number, (run, history) in enumerate(zip(names, histories, strict=True))
            for split in _SPLITS
        ]
        charts.append(_chart(name, lines, histories, may_be_log=is_error(name), has_key=False))
    rates = [next((h.curve(name) for name in h.steps if is_rate(name)), []) for h in histories]
    charts.append(overlaid("learning rate", rates, from_zero=True))
    for name in other_names(histories):
        curves = [history.curve(name) for history in histories]
        charts.append(overlaid(_OF_TRAINING.get(name, name), curves, from_zero=name in _OF_TRAINING))
    return grid(charts)


def _chart(title: str, lines: Iterable[Line], histories: Sequence[History], **settings: Any) -> Chart:
    x = "epoch" if all(history.ends for history in histories) else "step"
    return Chart(title, [line for line in lines if line.points], x, **settings)


def grid(charts: Sequence[Chart]) -> Html:
    """Charts side by side; empty without any."""
    drawn = [figure for chart in charts if (figure := chart.figure())]
    if not drawn:
        return Html("")
    left = len(drawn) - _MOST
    more = element("p", f"{left} more metrics are in metrics.csv.", class_="note") if left > 0 else ""
    return Html(element("div", *drawn[:_MOST], class_="charts") + more)


def metric_names(histories: Iterable[History], *monitors: str) -> list[str]:
    """Metrics of training and validation, without the split: the loss, the monitored ones, the others by name."""
    found = {
        name.partition("/")[2] for history in histories for name in history.epochs if name.partition("/")[0] in _SPLITS
    }
    first = ["loss", *(monitor.partition("/")[2] for monitor in monitors)]
    return [*(name for name in dict.fromkeys(first) if name in found), *sorted(found.difference(first))]


def other_names(histories: Iterable[History]) -> list[str]:
    """Metrics of no split."""
    names = {name for history in histories for name in (*history.epochs, *history.steps)}
    found = {name for name in names if name.partition("/")[0] not in _SPLITS and not is_rate(name)}
    return [*(name for name in _OF_TRAINING if name in found), *sorted(found.difference(_OF_TRAINING))]


def is_rate(name: str) -> bool:
    """True for a column of Lightning's LearningRateMonitor."""
    return name.startswith("lr-") and not name.endswith(("-momentum", "-weight_decay"))


def _distinct_rates(history: History) -> list[str]:
    """Learning rates of groups of parameters without those that equal another."""
    found: dict[str, Series] = {}
    for name, series in history.steps.items():
        if is_rate(name) and series not in found.values():
            found[name] = series
    return list(found)
