"""Columns of text that seem to hold numbers or dates, but in no format that is known."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import shortened
from leyden.data.tables.marks import other_marks
from leyden.data.tables.notation import Notation
from leyden.data.tables.remedies import as_list
from leyden.data.tables.type_inference import FEW, MOSTLY, with_numbers

log = logging.getLogger(__name__)

_MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
_NAMES = rf"(?:mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day)?|{_MONTHS}|nov(?:ember)?|dec(?:ember)?|EUR|USD|GBP|CHF"
_BEGINS = rf"(?i)^(?:\d|[-+\u2212±~≈<>=≤≥(\[{{$€£¥₹]|(?:{_NAMES})(?:[^a-z]|$))"
_CODE = r"(?i)^\d{1,3}(?:st|nd|rd|th|[a-c])$"
_MARK = r"\d[.,'\u2019\s\u00a0\u202f]\d"


@dataclass(frozen=True)
class Unread:
    """A column of text that seems to hold something else.

    Attributes:
        values: of the column that have a digit, each once, those with a mark between digits first.
        example: one of them.
        are_numbers: whether they are numbers with something beside them.
    """

    values: pl.Series
    example: str
    are_numbers: bool


def look_at(column: pl.Series) -> Unread | None:
    """A column as one that is not read as what it seems to hold; None for ordinary text, such as codes."""
    digits = column.filter(column.str.contains(r"\d"))
    example, are_few = with_numbers(column), column.drop_nulls().n_unique() <= FEW
    if example is None:
        like = digits.filter(digits.str.contains(_BEGINS))
        if are_few or len(like) < MOSTLY * column.count():
            return None
    elif are_few and digits.str.contains(_CODE).all():
        return None
    values = digits.unique(maintain_order=True)
    marked = values.str.contains(_MARK)
    values = pl.concat([values.filter(marked), values.filter(~marked)])
    return Unread(values, example or str(like[0]), example is not None)


def remark_on(column: Unread, notation: Notation, keep_decimal: bool) -> tuple[str, str]:
    """An example of the values of a column, and what to say of it.

    Args:
        column: as it was looked at.
        notation: in which the file was read.
        keep_decimal: whether other numbers of the file have its decimal mark.
    """
    marks = other_marks(column.values, notation, None, keep_decimal)
    settings = [f"add {typed} if this is {number:.15g}, or " for number, typed in marks.items()]
    lost = "each value is a category, and their order is lost"
    if column.are_numbers:
        example = str(column.values[0]) if settings else column.example
        return example, f"numbers with something beside them; {lost}; {''.join(settings)}write plain numbers"
    what = "begin as numbers or dates do, but in no format that is known"
    return column.example, f"{what}; {lost}; write plain numbers, or dates as 2015-01-31"


def warn_of_unread(path: Path, unread: Mapping[str, tuple[str, str]], used: Collection[str]) -> None:
    """Log what is to be said of columns, one line for those of which the same is said.

    Args:
        path: of the file, to name it.
        unread: for each column what `remark_on` has.
        used: the columns that become inputs; of the others nothing is said.
    """
    groups = dict[str, dict[str, str]]()
    for name, (example, what) in unread.items():
        if name in used:
            groups.setdefault(what, {})[name] = example
    for what, examples in groups.items():
        log.warning(
            "%s: %s: %s, or leave out with %s, or add %s if these are categories",
            path,
            shortened([f"{name} ({example})" for name, example in examples.items()]),
            what,
            as_list("ignore", *examples),
            as_list("categorical", *examples),
        )
