"""Report of a sweep."""

import shlex
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from leyden.config.overrides import without_password
from leyden.records.record import CONFIG, of_type
from leyden.reports.config_listing import count_lines, marked_config
from leyden.reports.curves import run_charts
from leyden.reports.html import Html, element, facts, folded, joined, shell, table
from leyden.reports.images import embedded, image
from leyden.reports.metrics_table import metrics_of_run
from leyden.reports.page import Section, cards, page
from leyden.reports.reproduction import environment
from leyden.reports.run_files import read_run
from leyden.reports.run_report import overfitting
from leyden.sweeps.summary.headline import best_again, headline, not_preferred
from leyden.sweeps.summary.plots import draw
from leyden.sweeps.summary.ranking import Group
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.table import columns, settings_of
from leyden.sweeps.summary.value_text import shown, with_deviation
from leyden.system.formatting import count, number, span

_MOST = 200  # lines of a table
_TITLES = {"history": "History", "parallel": "Settings and results", "importance": "Importance of the settings"}


def sweep_report(summary: Summary) -> str:
    """HTML page about a sweep."""
    sections = [
        Section("Ranking", _ranking(summary)),
        Section("Best runs" if summary.parts else "Best run", _best_runs(summary)),
        Section("Plots", _plots(summary)),
        Section("Not ranked", _rest(summary)),
        Section("Settings", _settings(summary)),
        Section("Reproduce", _reproduce(summary)),
        Section("Warnings", [element("p", line) for line in summary.warnings[:_MOST]]),
    ]
    record = summary.record
    title = (
        f"{str(record.get('kind', 'sweep')).capitalize()} of {record.get('experiment') or summary.dir.resolve().name}"
    )
    return page(title, f"Sweep {summary.dir}", sections, [_head(summary)])


def _head(summary: Summary) -> Html:
    """Status of a sweep, and the values that are looked at first."""
    status = str(summary.record.get("status", ""))
    text = headline(summary).partition(": ")[2]
    done = sum(result.status == "finished" for result in summary.results)
    values = [("jobs finished", f"{done} of {len(summary.results)}")]
    for part in summary.rankings:
        if part.groups and not part.ranked_repeats:
            of = f" of {part.title.partition(': ')[2]}" if part.title else ""
            for name in part.objectives:
                which = "front 1" if len(part.objectives) > 1 else "best"
                values.append((f"{which} {name}{of}", with_deviation(part.best[0].values.get(name))))
    seconds = of_type((int, float), summary.record.get("seconds"))
    values.append(("duration", span(seconds) if seconds else ""))
    line = element("p", element("span", status, class_=f"status {status}"), " ", text)
    return joined([line, cards(values)])


def _ranking(summary: Summary) -> list[str]:
    """Table of the ranked groups; of several parts one after the other, each with its metric."""
    if not summary.groups:
        return [element("p", "No job has a result that can be ranked.")]
    if summary.parts:
        ranked = [part for part in summary.parts if part.groups]
        return [text for part in ranked for text in (element("h3", part.title), *_ranking(part))]
    groups = summary.groups[:_MOST]
    found = columns(summary, groups)
    rows = []
    for row, group in enumerate(groups):
        is_best = group in summary.best and not summary.ranked_repeats
        cells = [column.cells[row] for column in found]
        rows.append([element("b", cell) for cell in cells] if is_best else cells)
    more = len(summary.groups) - len(groups)
    parts = [table([column.head for column in found], rows, [not column.left for column in found])]
    return (
        [*parts, element("p", f"{count(more, 'more group')} in summary.csv.", class_="note")] if more > 0 else [*parts]
    )


def _best_runs(summary: Summary) -> list[str]:
    """The best run; that of each part, if there are several."""
    if not summary.parts:
        return _best(summary)
    found = [(part.title, _best(part)) for part in summary.parts]
    return [text for title, texts in found if texts for text in (element("h3", title), *texts)]


def _best(summary: Summary) -> list[str]:
    """The best run, its command, its metrics and its curves."""
    if not summary.best:
        return []
    if summary.ranked_repeats:
        return [element("p", f"{not_preferred(summary)}.")]
    group = summary.best[0]
    result = summary.best_run(group)
    run = read_run(result.dir)
    commands = [command for command in (summary.train_command(group), summary.eval_command(group)) if command]
    label = best_again(summary)
    parts: list[str] = [
        element("p", f"{label[0].upper()}{label[1:]}{', and test it' if len(commands) > 1 else ''}:"),
        shell(without_password("\n".join(commands))),
    ]
    pairs: list[tuple[str, str]] = [("Settings", element("code", settings_of(result)))]
    if len(group.results) > 1:
        name = next(iter(summary.objectives))
        pairs.append(("Shown below", f"its best repeat by {name} ({number(result.values[name])})"))
    pairs += [("Directory", element("code", str(result.dir))), ("Network", run.network)]
    pairs += [
        ("Data", str(run.record.get("data") or "")),
        ("Overfitting", overfitting(run) if run.history.epochs else ""),
    ]
    pairs.append(("Its report", element("code", shlex.join(["python", "scripts/report.py", f"run={result.dir}"]))))
    parts += [facts(pairs), metrics_of_run(run), run_charts(run.history, run.monitor, run.best_epoch, run.verdict)]
    return parts


def _plots(summary: Summary) -> list[str]:
    """Plots of the sweep, drawn in a folder of their own: a report adds no files to the sweep's."""
    # A sign that the font lacks is a box in the plot, and not a warning.
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore", category=UserWarning):
        paths, why_not = draw(summary, Path(folder))
        uris = embedded(paths)
    figures = []
    for path in paths:
        kind, _, part = path.stem.partition("_")
        title = f"{_TITLES.get(kind, kind)}{f' ({part})' if part else ''}"
        if path in uris:
            figures.append(element("figure", element("figcaption", element("b", title)), image(uris[path], title)))
    parts: list[str] = [element("div", *figures, class_="plots")] if figures else []
    return [*parts, element("p", f"{why_not[0].upper()}{why_not[1:]}.", class_="note")] if why_not else parts


def _rest(summary: Summary) -> list[Html]:
    """Table of the jobs that are not ranked, with the reason."""
    rows = [
        [element("span", result.status, class_=f"status {result.status}"), settings_of(result), summary.cause(result)]
        for result in summary.rest[:_MOST]
    ]
    if not rows:
        return []
    more = len(summary.rest) - len(rows)
    note = element("p", f"{count(more, 'more job')} in summary.csv.", class_="note") if more > 0 else Html("")
    return [table(["status", "settings", "cause"], rows), note]


def _settings(summary: Summary) -> list[Html]:
    """Swept settings, and those that all jobs have in common."""
    rows = []
    for key in [*summary.swept, *summary.repeats]:
        values = dict.fromkeys(shown(result.settings[key]) for result in summary.results if key in result.settings)
        repeats = "a repeat" if key in summary.repeats else ""
        some = ", ".join(list(values)[:30]) + f" and {len(values) - 30} more" * (len(values) > 30)
        rows.append([element("code", key), some, repeats])
    parts = [table(["swept", "values", ""], rows)] if rows else []
    constants = [text for text in of_type(list, summary.record.get("constants")) or [] if isinstance(text, str)]
    if constants:
        texts = joined([element("code", without_password(text)) for text in constants], ", ")
        parts.append(element("p", "In all jobs: ", texts))
    job: Group | None = summary.groups[0] if summary.groups and not summary.parts else None
    config = (
        read_run(summary.best_run(job).dir).config if job and (summary.best_run(job).dir / CONFIG).is_file() else {}
    )
    if config:
        marks = [f"{key}=" for key in [*summary.swept, *summary.repeats]] + constants
        title = f"Config of the best run, {count_lines(config)} lines; what was swept or overridden is highlighted"
        parts.append(folded(title, marked_config(config, marks)))
    return parts


def _reproduce(summary: Summary) -> list[Html]:
    """Command of the whole sweep."""
    command = of_type(str, summary.record.get("command"))
    if not command:
        return [environment(summary.record)]
    about = element("p", "The same command resumes it, and repeats it elsewhere:")
    return [about, shell(without_password(command)), environment(summary.record)]
