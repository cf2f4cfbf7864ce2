"""Files of a summary in the sweep's directory: summary.md and summary.csv."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leyden.records.record import of_type
from leyden.sweeps.summary.headline import best_again, headline, not_preferred
from leyden.sweeps.summary.results import Result
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.table import columns
from leyden.sweeps.summary.value_text import brief
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError

MARKDOWN, CSV = "summary.md", "summary.csv"
_STAGES = ("train", "val", "test", "best")


def save(summary: Summary, plots: Sequence[Path] = ()) -> list[Path]:
    """Write both files; returns their paths.

    Args:
        plots: files in the sweep's directory, to include in summary.md.

    Raises:
        UserError: the directory cannot be written.
    """
    texts = {summary.dir / MARKDOWN: as_markdown(summary, plots), summary.dir / CSV: as_csv(summary)}
    try:
        for path, text in texts.items():
            write_text(path, text)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    return list(texts)


def as_markdown(summary: Summary, plots: Sequence[Path] = ()) -> str:
    """Markdown of all groups and all unranked jobs, without shortening."""
    record, parts = summary.record, [f"# {_escaped(summary.dir.resolve().name)}", _escaped(headline(summary)) + "."]
    facts = [str(record[key]) for key in ("started", "host") if record.get(key)]
    git = of_type(dict, record.get("git")) or {}
    facts += [f"commit {git['commit']}{' with changes' * bool(git.get('dirty'))}"] if git.get("commit") else []
    parts += [_escaped(", ".join(facts))] if facts else []
    parts += [f"```bash\n{record['command']}\n```"] if of_type(str, record.get("command")) else []
    for part in summary.rankings:
        if part.groups:
            found = columns(part, part.groups)
            rows = [[column.cells[row] for column in found] for row in range(len(part.groups))]
            parts += [f"## Ranked by {_escaped(part.title)}" if part.title else "## Ranked"]
            parts += [_table([column.head for column in found], rows, [column.left for column in found])]
        if summary.parts:
            parts += _again(part)
    parts += ["\n".join(f"- warning: {_escaped(line)}" for line in summary.warnings)] if summary.warnings else []
    if not summary.parts:
        parts += _again(summary)
    if summary.rest:
        keys = [*summary.swept, *summary.repeats]
        rows = [
            [
                result.status,
                *(brief(result.settings[key]) if key in result.settings else "" for key in keys),
                summary.cause(result),
            ]
            for result in summary.rest
        ]
        heads = ["status", *keys, "cause"]
        parts += ["## Not ranked", _table(heads, rows, [True] * len(heads))]
    if plots:
        parts += ["## Plots", "\n".join(f"![{path.stem}]({path.name})" for path in plots)]
    return "\n\n".join(parts) + "\n"


def _again(summary: Summary) -> list[str]:
    """Paragraphs with the commands of the best group, or why there are none."""
    if not summary.best:
        return []
    if summary.ranked_repeats:
        return [_escaped(not_preferred(summary)) + "."]
    first = summary.best[0]
    commands = [command for command in (summary.train_command(first), summary.eval_command(first)) if command]
    again = "R" + _escaped(best_again(summary))[1:]
    label = f"{again}, and test it:" if len(commands) > 1 else f"{again}:"
    return [label, "\n".join(["```bash", *commands, "```"])]


def as_csv(summary: Summary) -> str:
    """Table with a row for each job, ranked: settings, metrics with all digits, and facts.

    Settings are JSON except texts. NaN is `nan`, an unknown value is empty. A rank is one among the jobs with the same
    `ranked_by`, where not all can be ranked together.
    """
    objectives = dict.fromkeys(name for part in summary.rankings for name in part.objectives)
    titles = {result.name: part.title for part in summary.parts for result in part.results}
    places = {result.name: group.place for group in summary.groups for result in group.counted}
    measured = {name for result in summary.results for name in result.metrics}
    metrics = sorted(name for name in measured if name.partition("/")[0] in _STAGES)  # not the learning rate
    place = "front" if len(summary.objectives) > 1 else "rank"
    rows: list[dict[str, Any]] = []
    for result in [*(result for group in summary.groups for result in group.counted), *summary.rest]:
        row: dict[str, Any] = {place: places.get(result.name), "job": result.name, "status": result.status}
        row |= {key: _plain(result.settings[key]) for key in result.settings}
        row |= {"ranked_by": titles[result.name]} if titles else {}
        row |= {f"objective/{name}": result.values.get(name) for name in objectives}
        row |= {name: result.metrics[name] for name in metrics if name in result.metrics}
        row |= _facts(result, row)
        row["cause"] = "" if result.name in places else summary.cause(result)
        rows.append(row)
    first = [place, "job", "status", *(["ranked_by"] if titles else []), *summary.swept, *summary.repeats]
    heads = list(dict.fromkeys([*first, *(f"objective/{name}" for name in objectives), *metrics]))
    heads += [name for name in ("epochs", "seconds", "trial", "started", "dir", "cause") if name not in heads]
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _facts(result: Result, row: dict[str, Any]) -> dict[str, Any]:
    """Facts about a job, unless a setting has the same name."""
    started = result.started.isoformat() if result.started else None
    facts = {"epochs": result.epochs, "seconds": result.seconds, "trial": result.trial, "started": started}
    return {name: value for name, value in {**facts, "dir": str(result.dir)}.items() if name not in row}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _table(heads: list[str], rows: list[list[str]], left: list[bool]) -> str:
    first, *others = [[_escaped(cell) for cell in line] for line in [heads, *rows]]
    rule = ["---" if is_text else "---:" for is_text in left]
    return "\n".join(f"| {' | '.join(line)} |" for line in [first, rule, *others])


def _escaped(text: str) -> str:
    """Text with Markdown's special characters escaped."""
    for sign in "\\|`*_<>[]":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
