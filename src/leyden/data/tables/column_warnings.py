"""Warnings about columns that may not be read as they are meant: one line for each kind of problem."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import listed
from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.remedies import as_categories, as_list, date_format
from leyden.data.tables.type_inference import FEW, MOSTLY, possible_dates, with_numbers
from leyden.data.tables.value_formats import TIME, is_of_dates
from leyden.data.tables.wrong_values import other_marks

log = logging.getLogger(__name__)
_LEADING_ZERO = r"^[-+]?0\d+$"

_MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
_NAMES = rf"(?:mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day)?|{_MONTHS}|nov(?:ember)?|dec(?:ember)?|EUR|USD|GBP|CHF"
_BEGINS = rf"(?i)^(?:\d|[-+\u2212±~≈<>=≤≥(\[{{$€£¥₹]|(?:{_NAMES})(?:[^a-z]|$))"
_CODE = r"(?i)^\d{1,3}(?:st|nd|rd|th|[a-c])$"
_MARK = r"\d[.,'\u2019\s\u00a0\u202f]\d"


class ColumnWarnings:
    """Collects the warnings about the columns of one file.

    Args:
        notation: of the file; there are no warnings about columns whose format is known from another one.
    """

    def __init__(self, path: Path, notation: Notation) -> None:
        self.path, self.notation = path, notation
        self.known = frozenset(notation.formats)
        self.read, self.codes = dict[str, str](), dict[str, str]()
        self.rounded, self.compact = dict[str, str](), dict[str, str]()
        self.unread, self.dates = dict[str, Unread](), dict[str, list[str]]()

    def note_format(self, name: str, form: str) -> None:
        """Note the format with which a column was read, if it was guessed."""
        if name not in self.known and form not in (PLAIN, self.notation.date_format):
            what = "times, in hours" if form == TIME else f"dates, {form}" if is_of_dates(form) else f"numbers, {form}"
            self.read[name] = what

    def note_text(self, column: pl.Series) -> None:
        """Note a column that is taken for categories, if it seems to hold something else."""
        if column.name in self.known:
            return
        if forms := possible_dates(column):
            self.dates[column.name] = forms
        elif unread := _unread(column):
            self.unread[column.name] = unread

    def note_codes(self, text: pl.Series) -> None:
        """Note a column of digits that is read as numbers, if some have leading zeros."""
        codes = text.filter(text.str.contains(_LEADING_ZERO))
        if len(codes) and text.name not in self.known:
            self.codes[text.name] = str(codes[0])

    def write(self, has_decimals: Callable[[], bool]) -> None:
        """Log the warnings, except those about columns that may yet be left out (see `warn_of_unread`).

        Args:
            has_decimals: True if a number that was read has the decimal mark of the notation.
        """
        keep_decimal = bool(self.unread) and has_decimals()
        for name, unread in self.unread.items():
            self.notation.unread.setdefault(name, unread.message(self.notation, keep_decimal))
        if self.read:
            self._warn(f"read as what their values look like: {_examples(self.read)}; add {as_categories(*self.read)}")
        for name, forms in self.dates.items():
            typed = " or ".join(self._date_format(name, form) for form in forms)
            self._warn(f"{name}: read as text; add {typed} if these are dates, or {as_categories(name)}")
        for examples, why in (
            (self.codes, "leading zeros are lost, as these are read as numbers"),
            (self.rounded, "whole numbers of more than 15 digits are rounded"),
        ):
            if examples:
                self._warn(f"{_examples(examples)}: {why}; add {as_categories(*examples)}")
        for name, example in self.compact.items():
            typed = date_format(name, "%Y%m%d", self.notation.date_format or {}, self.notation.formats)
            self._warn(f"{name} ({example}): read as numbers; add {typed} if these are dates")

    def _date_format(self, name: str, form: str) -> str:
        return date_format(name, form, self.notation.date_format, self.notation.formats)

    def _warn(self, message: str) -> None:
        log.warning("%s: %s", self.path, message)


def warn_of_unread(path: Path, unread: Mapping[str, tuple[str, str]], used: Collection[str]) -> None:
    """Log the columns of text that seem to hold numbers or dates, one line for those of the same problem.

    Args:
        unread: example and problem of each column.
        used: the columns that become inputs; there are no warnings about others.
    """
    groups = dict[str, dict[str, str]]()
    for name, (example, problem) in unread.items():
        if name in used:
            groups.setdefault(problem, {})[name] = example
    for problem, examples in groups.items():
        leave_out, categories = as_list("ignore", *examples), as_categories(*examples)
        log.warning(
            "%s: %s: %s, or leave out with %s, or add %s", path, _examples(examples), problem, leave_out, categories
        )


@dataclass(frozen=True)
class Unread:
    """A column of text that seems to hold numbers or dates.

    Attributes:
        values: those with a digit, without repetition, those with a mark between digits first.
        example: one of them.
        are_numbers: True if they are numbers with something beside them.
    """

    values: pl.Series
    example: str
    are_numbers: bool

    def message(self, notation: Notation, keep_decimal: bool) -> tuple[str, str]:
        """Example and problem of the column.

        Args:
            notation: in which the file was read.
            keep_decimal: True if other numbers of the file have its decimal mark.
        """
        marks = other_marks(self.values, notation, None, keep_decimal)
        settings = [f"add {typed} if this is {number:.15g}, or " for number, typed in marks.items()]
        lost = "each value is a category, and their order is lost"
        if self.are_numbers:
            example = str(self.values[0]) if settings else self.example
            return example, f"numbers with something beside them; {lost}; {''.join(settings)}write plain numbers"
        what = "begin as numbers or dates do, but in no format that is known"
        return self.example, f"{what}; {lost}; write plain numbers, or dates as 2015-01-31"


def _unread(column: pl.Series) -> Unread | None:
    """A column that seems to hold numbers or dates; None for ordinary text, such as codes."""
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


def _examples(columns: Mapping[str, str]) -> str:
    return listed([f"{name} ({example})" for name, example in columns.items()])
