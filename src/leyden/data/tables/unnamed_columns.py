"""Columns without a name, which may be data or only count the rows."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from leyden.data.tables.header import Header
from leyden.data.tables.type_inference import MOSTLY, as_dates, as_numbers

log = logging.getLogger(__name__)
_DIFFERENT = 0.4  # share of different values from which on they identify rows: two joined tables have a half
_COUNTING = 0.98  # share of steps of one in a counter, such as that of several tables in one file
_SAMPLE = 1000
_COUNTS, _NUMBERS = "counts the rows", "numbers the rows"


def without_counters(
    path: Path,
    header: Header,
    table: pl.DataFrame,
    wanted: Callable[[str], bool | None],
    is_input: Callable[[str], bool],
    missing: Sequence[str],
) -> pl.DataFrame:
    """The table without the unnamed columns that are no data, which are logged in one line.

    A column is left out if
    - it has no values, or
    - it is first, or only such columns are before it, and holds whole numbers from 0 on, of which 40 % are
      different: pandas and R write the number of each row so. Rows may be deleted, sorted, sampled or repeated;
    - it is first, and holds text of which 40 % are different: labels of the rows, no dates;
    - it is any, and goes up by one in 98 % of its steps, as where several tables were joined.

    A column that numbers the rows is kept if there is no other column to predict from, as in a series.

    Another row does not change this, unless the share is at its limit. The columns of a run are kept in its checkpoint
    and not decided again.

    Args:
        table: with unnamed columns as text.
        wanted: True for a column that is kept, False for one that is left out; neither is logged. None to decide.
        is_input: True for a column with a name that may be predicted from.
        missing: words that stand for a missing value.
    """
    reasons, kept, leading = dict[str, str](), list[str](), True
    for place, name in enumerate(header.names):
        if name not in header.unnamed:
            leading = False
            continue
        choice = wanted(name)
        if choice is None:
            values = table[name].str.strip_chars()
            reason = _content_of(values.filter(~values.is_in(missing)), leading, place == 0)
            reasons |= {name: reason} if reason else {}
            kept += [] if reason else [name]
            leading = leading and bool(reason)
        elif not choice:
            table = table.drop(name)
    inputs = [*kept, *(name for name in table.columns if name not in header.unnamed and is_input(name))]
    alone = next((name for name, reason in reasons.items() if reason in (_COUNTS, _NUMBERS) and not inputs), None)
    if alone:
        log.info("%s: %s (no name, %s) is the only column to predict from", path, alone, reasons.pop(alone))
    if reasons:
        log.info(
            "%s: without a name, and left out: %s; to use it all the same, name it in data.features",
            path,
            ", ".join(f"{name} ({reason})" for name, reason in reasons.items()),
        )
    if kept:
        log.info("%s: columns without a name are called %s", path, ", ".join(kept))
    return table.drop(list(reasons))


def _content_of(values: pl.Series, leading: bool, first: bool) -> str:
    """Description of a column without a name that is no data; empty for one that may be data."""
    if not len(values):
        return "no values"
    numbers = as_numbers(values).drop_nulls()
    if len(numbers) >= MOSTLY * len(values):
        if not numbers.is_finite().all() or (numbers < 0).any() or (numbers % 1 != 0).any():
            return ""
        if len(numbers) > 1 and (numbers.diff() == 1).sum() >= _COUNTING * (len(numbers) - 1):
            return _COUNTS
        return _NUMBERS if leading and numbers.n_unique() >= _DIFFERENT * len(numbers) else ""
    if not first or values.n_unique() < _DIFFERENT * len(values):
        return ""
    if len(numbers) >= len(values) / 2 or as_dates(values.head(_SAMPLE)).count() > 0:
        return ""
    return "names each row"
