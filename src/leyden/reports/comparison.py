"""Report that compares runs side by side."""

from collections.abc import Callable, Sequence
from typing import Any

from leyden.config.overrides import without_password
from leyden.config.recorded import differences, value_at
from leyden.records.record import of_type
from leyden.reports.chart import key
from leyden.reports.config_listing import count_lines, marked_config
from leyden.reports.curves import overlaid_charts
from leyden.reports.html import Html, element, facts, folded, joined, table
from leyden.reports.images import embedded, image
from leyden.reports.metrics_table import metrics_of_runs
from leyden.reports.page import Section, page
from leyden.reports.reproduction import code_state, moment, reproduce
from leyden.reports.run_files import RunFiles
from leyden.reports.run_report import duration, epochs, overfitting
from leyden.sweeps.summary.value_text import shown
from leyden.system.formatting import count

_GONE = object()
_OWN = ("run_dir", "dirpath", "save_dir", "log_dir")  # settings that differ in every run, and mean nothing


def comparison_report(runs: Sequence[RunFiles]) -> str:
    """HTML page that compares at least two runs."""
    names = short_names(runs)
    keys = [key(name, number) for number, name in enumerate(names)]
    differing = differing_settings(runs)
    rows = [[key, *(element("code", _text(value)) for value in values)] for key, values in differing.items()]
    none = element("p", "None: the configs of these runs are the same.")
    sections = [
        Section("Runs", [_runs(runs, keys)]),
        Section("Differing settings", [table(["", *keys], rows, class_="compared") if rows else none]),
        Section("Metrics", [metrics_of_runs(runs, keys)]),
        Section("Curves", _curves(runs, keys)),
        Section("Plots", _plots(runs, keys)),
        Section("Configs", [_config(run, name, differing) for run, name in zip(runs, names, strict=True)]),
        Section("Reproduce", [_again(run, name) for run, name in zip(runs, names, strict=True)]),
    ]
    experiments = ", ".join(dict.fromkeys(run.experiment for run in runs))
    return page(f"Comparison of {count(len(runs), 'run')}", experiments, sections)


def short_names(runs: Sequence[RunFiles]) -> list[str]:
    """Names of runs without the folders that all have in common; the last two folders of a single one."""
    parts = [run.dir.resolve().parts for run in runs]
    common = next(
        (place for place, parts_at in enumerate(zip(*parts, strict=False)) if len(set(parts_at)) > 1),
        min(map(len, parts)) - 1,
    )
    return ["/".join(part[common:]) or part[-1] for part in parts]


def differing_settings(runs: Sequence[RunFiles]) -> dict[str, list[Any]]:
    """Values of each setting that is not the same in all runs, by dotted name; `_GONE` where a run has none.

    Directories of the run, and settings that some runs lack and that are empty in the others, are left out.
    """
    places = {
        leaf for run in runs[1:] for place in differences(runs[0].config, run.config) for leaf in _leaves(place, runs)
    }
    order = {place: number for number, place in enumerate(dict.fromkeys(_places([run.config for run in runs])))}
    found = {}
    for place in sorted(places, key=lambda place: order.get(place, len(order))):
        values = [value_at(run.config, place, _GONE) for run in runs]
        if place[-1] not in _OWN and any(value is not _GONE and value not in (None, [], {}) for value in values):
            found[".".join(map(str, place))] = values
    return found


def _leaves(place: tuple[str, ...], runs: Sequence[RunFiles]) -> list[tuple[str, ...]]:
    """The settings of a section that only some runs have; the setting itself if it is none."""
    sections = [value for run in runs if isinstance(value := value_at(run.config, place, None), dict) and value]
    return [(*place, *leaf) for leaf in _places(sections)] or [place]


def _places(configs: Sequence[Any]) -> list[tuple[str, ...]]:
    """The settings of configs that are no sections, section by section."""
    names = dict.fromkeys(name for config in configs for name in config)
    found: list[tuple[str, ...]] = []
    for name in names:
        sections = [config[name] for config in configs if isinstance(config.get(name), dict) and config[name]]
        found += [(name, *place) for place in _places(sections)] or [(name,)]
    return found


def _text(value: Any) -> str:
    return "–" if value is _GONE else without_password(shown(value))


def _runs(runs: Sequence[RunFiles], keys: Sequence[Html]) -> Html:
    """Table of facts about each run."""

    def git(run: RunFiles) -> str:
        return code_state(of_type(dict, run.record.get("git"))).replace("commit ", "", 1)

    rows: dict[str, Callable[[RunFiles], str]] = {
        "directory": lambda run: element("code", str(run.dir)),
        "experiment": lambda run: run.experiment,
        "status": lambda run: element("span", run.status, class_=f"status {run.status}"),
        "epochs": epochs,
        "duration": duration,
        "best epoch": lambda run: f"{run.best_epoch}, by {run.monitor} ({run.mode})" if run.best_epoch else "",
        "overfitting": overfitting,
        "network": lambda run: run.network,
        "data": lambda run: str(run.record.get("data") or ""),
        "training items": lambda run: _split(run, "train"),
        "validation items": lambda run: _split(run, "val"),
        "test items": lambda run: _split(run, "test"),
        "started": lambda run: moment(run.record.get("started")),
        "code": git,
        "host": lambda run: str(run.record.get("host") or ""),
    }
    made = {name: [*map(value, runs)] for name, value in rows.items()}
    common = {name: cells[0] for name, cells in made.items() if len(set(cells)) == 1}
    differing = [[name, *cells] for name, cells in made.items() if name not in common]
    return joined(
        [table(["", *keys], differing, class_="compared"), element("h3", "The same in all"), facts(common.items())]
    )


def _curves(runs: Sequence[RunFiles], keys: Sequence[Html]) -> list[Html]:
    charts = overlaid_charts(short_names(runs), [run.history for run in runs], [run.monitor for run in runs])
    about = element("p", "Solid lines: validation; dashed ones: training.", class_="note")
    return [element("p", *keys), about, charts] if charts else []


def _split(run: RunFiles, name: str) -> str:
    """Number of items of a split, and their fingerprint."""
    if name not in run.splits:
        return ""
    size, mark = run.splits[name]
    return joined([f"{size:,} ", element("code", mark)])


def _plots(runs: Sequence[RunFiles], keys: Sequence[Html]) -> list[Html]:
    """Figures of the same name side by side."""
    uris = embedded([plot.path for run in runs for plot in run.plots])
    parts = []
    for name in dict.fromkeys(plot.name for run in runs for plot in run.plots if plot.name != "learning_curves"):
        found = [(plot, key) for run, key in zip(runs, keys, strict=True) for plot in run.plots if plot.name == name]
        figures = [
            element("figure", element("figcaption", key, plot.caption), image(uris[plot.path], plot.title))
            for plot, key in found
            if plot.path in uris
        ]
        if figures:
            parts.append(joined([element("h3", found[0][0].title), element("div", *figures, class_="plots")]))
    return parts


def _config(run: RunFiles, name: str, differing: dict[str, list[Any]]) -> Html:
    """The whole config of a run, with the settings marked that differ."""
    if not run.config:
        return Html("")
    title = f"{name}, {count_lines(run.config)} lines; what differs is highlighted"
    return folded(title, marked_config(run.config, list(differing)))


def _again(run: RunFiles, name: str) -> Html:
    return joined([element("h3", name), *reproduce(run, with_patches=False)])
