"""Charts of the logged values of one or more runs."""

from collections.abc import Iterable, Mapping, Sequence

from leyden.reports.chart import Chart, Line
from leyden.reports.history import History, Series
from leyden.reports.html import Html, element
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
        lines = [
            Line(split, _points(history.of(f"{split}/{name}")), color)
            for color, split in enumerate(_SPLITS)
            if history.of(f"{split}/{name}")
        ]
        is_watched = best is not None and monitor.endswith(f"/{name}")
        is_rise = name == "loss" and verdict.begin is not None
        period = (float(verdict.begin), "the validation loss has risen") if is_rise and verdict.begin else None
        event = (best, f"best {monitor}") if is_watched and best else None
        charts.append(Chart(name, lines, event=event, period=period))
    rates = {name: series for name, series in history.steps.items() if is_rate(name)}
    if rates:
        lines = [Line(name, _points(series), number) for number, (name, series) in enumerate(_distinct(rates).items())]
        charts.append(Chart("learning rate", lines, x="step", may_be_log=False))
    charts += [
        Chart(_OF_TRAINING.get(name, name), [Line(name, _points(history.of(name)))]) for name in other_names([history])
    ]
    return grid(charts)


def overlaid_charts(names: Sequence[str], histories: Sequence[History], monitors: Sequence[str]) -> Html:
    """Charts of several runs, a colour for each: validation as solid lines, training as dashed ones."""
    charts = []

    def by_run(series: Sequence[Series]) -> list[Line]:
        runs = enumerate(zip(names, series, strict=True))
        return [Line(run, _points(values), number) for number, (run, values) in runs]

    for name in metric_names(histories, *monitors):
        lines = [
            Line(f"{run}, {split}", _points(history.of(f"{split}/{name}")), number, dashed=split == "train")
            for number, (run, history) in enumerate(zip(names, histories, strict=True))
            for split in _SPLITS
        ]
        charts.append(_overlaid(name, lines))
    rates = [next((history.steps[name] for name in history.steps if is_rate(name)), {}) for history in histories]
    charts.append(_overlaid("learning rate", by_run(rates), "step"))
    for name in other_names(histories):
        charts.append(_overlaid(_OF_TRAINING.get(name, name), by_run([history.of(name) for history in histories])))
    return grid(charts)


def _overlaid(title: str, lines: Sequence[Line], x: str = "epoch") -> Chart:
    shown = [line for line in lines if line.points]
    return Chart(title, shown, x, may_be_log=x == "epoch", has_key=False)


def grid(charts: Sequence[Chart]) -> Html:
    """Charts side by side; empty without any."""
    drawn = [figure for chart in charts[:_MOST] if (figure := chart.figure())]
    if not drawn:
        return Html("")
    left = len(charts) - _MOST
    more = element("p", f"{left} more metrics are in metrics.csv.", class_="note") if left > 0 else ""
    return Html(element("div", *drawn, class_="charts") + more)


def metric_names(histories: Iterable[History], *monitors: str) -> list[str]:
    """Metrics of training and validation, without the split: the loss, the monitored ones, the others by name."""
    found = {
        name.partition("/")[2] for history in histories for name in history.epochs if name.partition("/")[0] in _SPLITS
    }
    first = ["loss", *(monitor.partition("/")[2] for monitor in monitors)]
    return [*(name for name in dict.fromkeys(first) if name in found), *sorted(found.difference(first))]


def other_names(histories: Iterable[History]) -> list[str]:
    """Metrics of no split that were logged for each epoch."""
    found = {
        name
        for history in histories
        for name in history.epochs
        if name.partition("/")[0] not in _SPLITS and not is_rate(name)
    }
    return [*(name for name in _OF_TRAINING if name in found), *sorted(found.difference(_OF_TRAINING))]


def is_rate(name: str) -> bool:
    """True for a column of Lightning's LearningRateMonitor."""
    return name.startswith("lr-") and not name.endswith(("-momentum", "-weight_decay"))


def _distinct(rates: Mapping[str, Series]) -> dict[str, Series]:
    """Learning rates of groups of parameters without those that equal another."""
    found: dict[str, Series] = {}
    for name, series in rates.items():
        if series not in found.values():
            found[name] = series
    return found


def _points(series: Series) -> list[tuple[float, float]]:
    return [(float(x), series[x]) for x in sorted(series)]
