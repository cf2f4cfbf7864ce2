"""Report of a run."""

import shlex
from pathlib import Path

from leyden.config.overrides import without_password
from leyden.records.record import of_type
from leyden.reports.before import Before, values_before
from leyden.reports.config_listing import count_lines, marked_config, overrides_table
from leyden.reports.curves import run_charts
from leyden.reports.html import Html, code, element, facts, folded, joined, table
from leyden.reports.images import embedded, image, is_wide
from leyden.reports.metrics_table import metrics_of_run
from leyden.reports.page import Section, anchor_link, cards, page
from leyden.reports.reproduction import code_state, environment, moment, reproduce
from leyden.reports.run_files import Plot, RunFiles
from leyden.sweeps.summary.value_text import shown
from leyden.system.formatting import count, most_telling, number, span

_DRAWN = ("learning_curves",)  # figures that the charts of this page replace, if there is a metrics.csv
_TELLING = ("confusion_matrix", "worst_predictions", "predicted_vs_actual")  # figures whose captions are in the summary


def run_report(run: RunFiles, configs: Path | None = None) -> str:
    """HTML page about a run.

    Args:
        run: its files.
        configs: the project's folder of YAML files, for the values before the overrides.
    """
    before = values_before(run.config, run.overrides, configs) if configs and run.config else Before()
    plots = [plot for plot in run.plots if plot.name not in _DRAWN or not run.history.epochs]
    sections = [
        Section("Summary", [summary(run, plots)]),
        Section("Overrides", [*_overrides(run, before)]),
        Section("Curves", [run_charts(run.history, run.monitor, run.best_epoch, run.verdict)]),
        Section("Metrics", [metrics_of_run(run), _evaluations(run)]),
        Section("Plots", _plots(plots)),
        Section("Data", [_data(run)]),
        Section("Reproduce", [*reproduce(run), environment(run.record)]),
        Section("Warnings", _warnings(run)),
    ]
    return page(f"{run.experiment}, {run.dir.resolve().name}", f"Run {run.dir}", sections, [head(run)])


def head(run: RunFiles) -> Html:
    """Status of a run, and the values that are looked at first."""
    best = run.best
    tests = most_telling(run.metrics)[:2] or [name for name in run.metrics if name == "test/loss"]
    at = f" in epoch {run.best_epoch}" if run.best_epoch else ""
    values = [
        (f"{name} of the best weights" if run.best is not None else name, number(run.metrics[name])) for name in tests
    ]
    values += [(f"best {run.monitor}{at}", "" if best is None else number(best))]
    values += [("epochs", epochs(run)), ("duration", duration(run))]
    values += [("parameters", parameters(run))]
    lines = [element("p", element("span", run.status, class_=f"status {run.status}"), " ", _ending(run))]
    return joined([*lines, cards(values)])


def _ending(run: RunFiles) -> str:
    """End of a run that did not finish."""
    if error := of_type(str, run.record.get("error")):
        return without_password(" ".join(error.split()))
    again = f"continue it: python train.py resume={shlex.quote(str(run.dir))}"
    return {
        "running": "It was still running when this was written.",
        "killed": f"Its process ended without closing its record; {again}",
        "interrupted": f"It was stopped; {again}",
        "pruned": "A search stopped it early, as it did worse than others; it was not tested.",
    }.get(run.status, "")


def epochs(run: RunFiles) -> str:
    """Number of epochs, and of how many."""
    done = of_type(int, run.record.get("epochs")) or run.history.last_epoch
    most = (of_type(dict, run.config.get("trainer")) or {}).get("max_epochs")
    return f"{done} of {most}" if isinstance(most, int) and most > 0 and most != done else str(done)


def duration(run: RunFiles) -> str:
    """Duration of a run; empty if it was not recorded."""
    seconds = of_type((int, float), run.record.get("seconds"))
    return "" if not seconds else span(seconds)


def parameters(run: RunFiles) -> str:
    """Number of parameters of the network; empty if the log has none."""
    words = run.network.replace(" parameters", "\0").partition("\0")[0].split()
    return words[-1] if words and words[-1].replace(",", "").isdigit() else ""


def summary(run: RunFiles, plots: list[Plot]) -> Html:
    """The questions that are asked of a run, each with its answer."""
    typed = [override for override in run.overrides if not override.startswith("experiment=")]
    git = of_type(dict, run.record.get("git"))
    pairs: list[tuple[str, str]] = [
        ("Network", run.network),
        ("Data", str(run.record.get("data") or "")),
        ("Overfitting", overfitting(run)),
    ]
    for plot in plots:
        if plot.name in _TELLING and plot.caption:
            pairs.append((plot.title, joined([plot.caption, " ", anchor_link("Plots", "Figure")])))
    pairs += [
        ("Overridden", joined([element("code", text) for text in typed], ", ") or "nothing"),
        ("Code", code_state(git) if git is not None else "commit not recorded"),
        ("Started", moment(run.record.get("started"))),
    ]
    return facts(pairs)


def overfitting(run: RunFiles) -> str:
    """The verdict on overfitting, and the best epoch if it came after its begin all the same."""
    begin, best = run.verdict.begin, run.best_epoch
    if begin is None or best is None or best < begin or run.best is None:
        return run.verdict.text
    return f"{run.verdict.text} {run.monitor} was best after that all the same: in epoch {best} ({number(run.best)})."


def _overrides(run: RunFiles, before: Before) -> list[str]:
    parts: list[str] = [overrides_table(run.overrides, before)]
    if run.overrides and not before.is_known and run.config:
        parts.append(element("p", "The values before are not known: the YAML files have changed since.", class_="note"))
    if run.config:
        title = f"Complete config, {count_lines(run.config)} lines; overrides are highlighted"
        parts.append(folded(title, marked_config(run.config, run.overrides, before)))
    return parts


def _plots(plots: list[Plot]) -> list[Html]:
    """Figures with their captions."""
    if not plots:
        return [element("p", "This run has no plots: it was made without these callbacks, or ended before its test.")]
    uris = embedded([plot.path for plot in plots])
    figures = []
    for plot in plots:
        caption = element("figcaption", element("b", plot.title), plot.caption)
        if plot.path in uris:
            width = "full" if is_wide(plot.path) else None
            figures.append(element("figure", caption, image(uris[plot.path], plot.title), class_=width))
        else:
            left = element("p", f"Not shown: too large for this page, or damaged: {plot.path.name}", class_="note")
            figures.append(element("figure", caption, left))
    return [element("div", *figures, class_="plots")]


def _data(run: RunFiles) -> Html:
    """Splits of the data, and the settings that they were made with."""
    config = of_type(dict, run.config.get("data")) or {}
    parts: list[str] = [element("p", str(run.record.get("data") or "The data were not recorded."))]
    if run.splits:
        rows = [[name, f"{size:,}", element("code", mark)] for name, (size, mark) in run.splits.items()]
        parts.append(table(["split", "items", "fingerprint"], rows, [False, True, False]))
        parts.append(element("p", "Splits with the same fingerprint have the same items.", class_="note"))
    rest = {key: value for key, value in config.items() if value not in (None, [], {})}
    parts += [facts([(key, element("code", without_password(shown(value)))) for key, value in rest.items()])]
    return joined(parts)


def _evaluations(run: RunFiles) -> Html:
    """Later evaluations by eval.py."""
    entries = [entry for entry in of_type(list, run.record.get("evaluations")) or [] if isinstance(entry, dict)]
    if not entries:
        return Html("")
    rows = []
    for entry in entries:
        values = of_type(dict, entry.get("metrics")) or {}
        texts = [
            f"{name} {number(value)}" for name, value in values.items() if of_type((int, float), value) is not None
        ]
        typed = " ".join(map(str, of_type(list, entry.get("overrides")) or []))
        which = [moment(entry.get("at")), str(entry.get("split", "")), str(entry.get("checkpoint", ""))]
        rows.append([*which, without_password(typed), ", ".join(texts)])
    heads = ["evaluated", "split", "checkpoint", "settings", "metrics"]
    return joined([element("h3", f"{count(len(rows), 'later evaluation')} by eval.py"), table(heads, rows)])


def _warnings(run: RunFiles) -> list[Html]:
    """Warnings of the log, and files that could not be read."""
    parts = [code(f"{time}  {text}") for time, text in run.warnings[:50]]
    if len(run.warnings) > 50:
        parts.append(element("p", f"{len(run.warnings) - 50} more are in train.log."))
    return [*parts, *(element("p", text, class_="failed") for text in run.unread)]
