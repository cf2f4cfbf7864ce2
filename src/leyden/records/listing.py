"""A list of runs from their records, filtered and sorted. Nothing here imports torch."""

import fnmatch
import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from leyden.records.record import RECORD, Record, find_runs, finite, of_type, parse_time, read_record, status
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell
from leyden.system.suggestions import did_you_mean, nearest

Value = str | float | datetime | None

TEXTS = ("run", "experiment", "status", "monitor", "commit")
COLUMNS = (*TEXTS, "best", "epochs", "steps", "duration", "seed", "started")  # every metric is a column, too
STATUSES = ("running", "finished", "pruned", "failed", "interrupted", "killed")

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FILTER = re.compile(r"([^<>=!]+)(>=|<=|!=|==|=|>|<)(.*)")


@dataclass(frozen=True)
class ListedRun:
    """One run of a list.

    Attributes:
        dir: the run directory.
        record: its run.json. It may be of an older version, or somebody else's: any key may be missing.
        status: the current status.
    """

    dir: Path
    record: Record
    status: str

    @cached_property
    def values(self) -> dict[str, Value]:
        """The value of each column that the record has a value for."""
        git, found = (of_type(dict, self.record.get(name)) or {} for name in ("git", "metrics"))
        metrics = {name: value for name, value in found.items() if of_type((int, float), value) is not None}
        best = [name.removeprefix("best/") for name in metrics if name.startswith("best/")]
        monitor = of_type(str, self.record.get("monitor")) or (best[0] if best else None)
        commit = of_type(str, git.get("commit"))
        values: dict[str, Value] = {
            **metrics,
            "run": str(self.dir),
            "experiment": of_type(str, self.record.get("experiment")),
            "status": self.status,
            "monitor": monitor,
            "commit": commit and commit[:7] + "*" * bool(git.get("dirty")),
            "best": metrics.get(f"best/{monitor}", metrics.get(str(monitor))),
            "duration": of_type((int, float), self.record.get("seconds")),
            "started": parse_time(self.record.get("started")),
        }
        values |= {name: of_type((int, float), self.record.get(name)) for name in ("epochs", "steps", "seed")}
        return {name: value for name, value in values.items() if value is not None}

    def as_json(self) -> Record:
        """The record, with `dir` and the current status; NaN is null, since strict JSON has none."""
        found: Record = finite({**self.record, "dir": str(self.dir), "status": self.status})
        return found


@dataclass(frozen=True)
class RunList:
    """Result of `list_runs`.

    Attributes:
        runs: the newest first.
        debug: number of debug runs that were left out.
        unread: the reason for each run.json that could not be read.
    """

    runs: list[ListedRun]
    debug: int
    unread: list[str]


def list_runs(folders: Sequence[str | Path] = ("logs",), debug: bool = False) -> RunList:
    """The runs below some folders, including those of sweeps.

    Args:
        folders: that hold runs, or run directories.
        debug: include those in a folder's `debug/`.
    """
    runs: dict[Path, ListedRun] = {}
    left_out, unread = set(), {}
    for folder in folders:
        for path in find_runs(folder):
            if not debug and "debug" in path.relative_to(folder).parts[:-1]:
                left_out.add(path)
                continue
            try:
                record = read_record(path)
            except UserError as error:
                unread[path] = str(error)
                continue
            if isinstance(record.get("status"), str):
                runs[path] = ListedRun(path, record, status(path, record))
            else:
                unread[path] = f"{path / RECORD}: is not the record of a run"
    newest = sort_runs(runs.values(), "started", reverse=True)
    return RunList(newest, len(left_out - runs.keys()), list(unread.values()))


def known_columns(runs: Iterable[ListedRun]) -> list[str]:
    """The columns of every list, then those that only some of these runs have: metrics, by name."""
    return [*COLUMNS, *sorted({name for run in runs for name in run.values}.difference(COLUMNS))]


def check_column(name: str, known: Collection[str], typed: str) -> str:
    """The name, if it is known.

    Raises:
        UserError: it is not; the message begins with what was typed, and suggests the same with another column.
    """
    if name not in known:
        option = "--sort " if typed.startswith("--sort ") else ""
        rest = typed.removeprefix(option)
        hint = did_you_mean(name, known, lambda one: option + in_shell(rest.replace(name, one, 1)))
        raise UserError(f"{typed}: there is no column {name}{hint}")
    return name


def make_filter(typed: str, known: Collection[str]) -> Callable[[ListedRun], bool]:
    """The predicate of a filter: `status=failed`, `best>0.9`, `experiment=mnist_*`, `started>=2026-01-31`.

    It is false for a run without a value in the column.

    Args:
        typed: column, comparison and value; * and ? in a text stand for any characters.
        known: the columns.

    Raises:
        UserError: the filter cannot be read.
    """
    match = _FILTER.fullmatch(typed)
    if match is None:
        near = [f"; did you mean status={status}?" for status in nearest(typed, STATUSES)] or [""]
        raise UserError(f"{typed}: is neither a folder nor a filter such as status=failed or 'best>0.9'{near[0]}")
    column, sign, text = (part.strip() for part in match.groups())
    check_column(column, known, typed)
    compare = _COMPARE[sign]
    if column not in TEXTS:
        is_date = column == "started"
        wanted = parse_time(text) if is_date else float(text) if _NUMBER.fullmatch(text) else None
        if wanted is None:
            kind = "date; write it as 2026-01-31 or 2026-01-31T12:00" if is_date else "number"
            raise UserError(f"{typed}: {text or 'nothing'} is not a {kind}")
        return lambda run: column in run.values and compare(run.values[column], wanted)
    if sign not in ("=", "==", "!="):
        raise UserError(f"{typed}: {column} is a text; compare it with = or !=")
    if column == "status" and not fnmatch.filter(STATUSES, text):
        hint = did_you_mean(text, STATUSES, lambda name: f"status={name}")
        raise UserError(f"{typed}: there is no such status{hint}")
    pattern = text[:7].rstrip("*") + "*" if column == "commit" else text  # a whole or a short one, dirty or not
    return lambda run: column in run.values and compare(fnmatch.fnmatchcase(str(run.values[column]), pattern), True)


def sort_runs(runs: Iterable[ListedRun], column: str, reverse: bool = False) -> list[ListedRun]:
    """Runs by a column, ascending or descending; those without a value, or with NaN, come last."""
    found: list[tuple[Any, ListedRun]] = [(run.values.get(column, math.nan), run) for run in runs]
    have = [(value, run) for value, run in found if value == value]
    have.sort(key=operator.itemgetter(0), reverse=reverse)
    return [run for _, run in have] + [run for value, run in found if value != value]
