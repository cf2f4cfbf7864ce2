"""A list of runs: what their records say, filtered and sorted. Nothing here imports torch."""

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

from leyden.records.record import RECORD, Record, find_runs, finite, read_record, status
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell
from leyden.system.suggestions import did_you_mean, nearest

Value = str | float | datetime | None

TEXTS = ("run", "experiment", "status", "monitor", "commit")
COLUMNS = (*TEXTS, "best", "epochs", "steps", "duration", "seed", "started")  # beside these, every metric is a column
STATUSES = ("running", "finished", "pruned", "failed", "interrupted", "killed")

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FILTER = re.compile(r"([^<>=!]+)(>=|<=|!=|=|>|<)(.*)")


@dataclass(frozen=True)
class ListedRun:
    """One run of a list.

    Attributes:
        dir: the run directory.
        record: its run.json. It may be an older version's, or somebody else's: any key may be missing.
        status: as it is now.
    """

    dir: Path
    record: Record
    status: str

    @cached_property
    def values(self) -> dict[str, Value]:
        """What stands in each column; nothing where the record has nothing of the kind."""
        git, found = (_of(dict, self.record.get(name)) or {} for name in ("git", "metrics"))
        metrics = {name: value for name, value in found.items() if _of((int, float), value) is not None}
        best = [name.removeprefix("best/") for name in metrics if name.startswith("best/")]
        monitor = _of(str, self.record.get("monitor")) or (best[0] if best else None)
        commit = _of(str, git.get("commit"))
        values: dict[str, Value] = {
            **metrics,
            "run": str(self.dir),
            "experiment": _of(str, self.record.get("experiment")),
            "status": self.status,
            "monitor": monitor,
            "commit": commit and commit[:7] + "*" * bool(git.get("dirty")),
            "best": metrics.get(f"best/{monitor}", metrics.get(str(monitor))),
            "duration": _of((int, float), self.record.get("seconds")),
            "started": _date(self.record.get("started")),
        }
        values |= {name: _of((int, float), self.record.get(name)) for name in ("epochs", "steps", "seed")}
        return {name: value for name, value in values.items() if value is not None}

    def as_json(self) -> Record:
        """The record, with `dir` and the status as it is now; strict JSON has no NaN, so it is null there."""
        found: Record = finite({**self.record, "dir": str(self.dir), "status": self.status})
        return found


@dataclass(frozen=True)
class RunList:
    """What `list_runs` gives.

    Attributes:
        runs: the newest first.
        debug: how many debug runs were left out.
        unread: for each run.json that was left out, why.
    """

    runs: list[ListedRun]
    debug: int
    unread: list[str]


def list_runs(folders: Sequence[str | Path] = ("logs",), debug: bool = False) -> RunList:
    """The runs below some folders, those of sweeps too.

    Args:
        folders: where runs are kept, or run directories.
        debug: take those in a folder's `debug/`, too.
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
                unread[path] = f"{path / RECORD}: is no record of a run"
    newest = sort_runs(runs.values(), "started", reverse=True)
    return RunList(newest, len(left_out - runs.keys()), list(unread.values()))


def known_columns(runs: Iterable[ListedRun]) -> list[str]:
    """The columns that every list has, then those that some of these runs have: metrics, by name."""
    return [*COLUMNS, *sorted({name for run in runs for name in run.values}.difference(COLUMNS))]


def check_column(name: str, known: Collection[str], told: str) -> str:
    """The name, if it is known.

    Raises:
        UserError: it is not; `told` is what was typed.
    """
    if name not in known:
        raise UserError(
            f"{told}: there is no column {name}" + did_you_mean(name, known, lambda one: _typed(told, name, one))
        )
    return name


def _typed(told: str, name: str, column: str) -> str:
    """What was typed with another column, for a shell."""
    option = "--sort " if told.startswith("--sort ") else ""
    return option + in_shell(told.removeprefix(option).replace(name, column, 1))


def make_filter(typed: str, known: Collection[str]) -> Callable[[ListedRun], bool]:
    """Whether a run is one of `status=failed`, `best>0.9`, `experiment=mnist_*`, `started>=2026-01-31`.

    A run that has nothing in the column is none, whatever is asked of it.

    Args:
        typed: column, comparison and value; * and ? in a text stand for any characters.
        known: the columns.

    Raises:
        UserError: it cannot be understood.
    """
    match = _FILTER.fullmatch(typed.replace("==", "="))
    if match is None:
        near = [f"; did you mean status={status}?" for status in nearest(typed, STATUSES)] or [""]
        raise UserError(f"{typed}: is neither a folder nor a filter such as status=failed or 'best>0.9'{near[0]}")
    column, sign, text = (part.strip() for part in match.groups())
    check_column(column, known, typed)
    compare = _COMPARE[sign]
    if column not in TEXTS:
        is_date = column == "started"
        wanted = _date(text) if is_date else float(text) if _NUMBER.fullmatch(text) else None
        if wanted is None:
            what = "date; write it as 2026-01-31 or 2026-01-31T12:00" if is_date else "number"
            raise UserError(f"{typed}: {text or 'nothing'} is no {what}")
        return lambda run: column in run.values and compare(run.values[column], wanted)
    if sign not in ("=", "!="):
        raise UserError(f"{typed}: {column} is a text; compare it with = or !=")
    if column == "status" and not fnmatch.filter(STATUSES, text):
        raise UserError(
            f"{typed}: there is no such status" + did_you_mean(text, STATUSES, lambda name: f"status={name}")
        )
    pattern = text[:7].rstrip("*") + "*" if column == "commit" else text  # a whole or a short one, dirty or not
    like = re.compile(fnmatch.translate(pattern))
    return lambda run: column in run.values and compare(like.match(str(run.values[column])) is not None, True)


def sort_runs(runs: Iterable[ListedRun], column: str, reverse: bool = False) -> list[ListedRun]:
    """Runs by a column, small to large, or the other way round; those that have nothing in it, or NaN, come last."""
    found: list[tuple[Any, ListedRun]] = [(run.values.get(column, math.nan), run) for run in runs]
    have = [(value, run) for value, run in found if value == value]
    have.sort(key=operator.itemgetter(0), reverse=reverse)
    return [run for _, run in have] + [run for value, run in found if value != value]


def _of(kind: type | tuple[type, ...], value: Any) -> Any:
    """The value if it is of this kind, else None: any program may have written it."""
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _date(value: Any) -> datetime | None:
    """A moment in local time, from ISO 8601."""
    try:
        return datetime.fromisoformat(value).astimezone()
    except (TypeError, ValueError, OverflowError):
        return None
