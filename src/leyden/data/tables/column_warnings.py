"""Warnings about columns that are read in a way that may not be meant: one line for each kind."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from leyden.data.abbreviated import shortened
from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.remedies import as_list, date_format
from leyden.data.tables.type_inference import possible_dates
from leyden.data.tables.unread import Unread, look_at, remark_on
from leyden.data.tables.value_formats import TIME, is_of_dates

log = logging.getLogger(__name__)
_CODE = r"^[-+]?0\d+$"  # digits with a leading zero


class Remarks:
    """Collects what is to be said of the columns of one file.

    Args:
        path: of the file, to name it.
        notation: of the file; nothing is said of columns whose format is known from another one.
    """

    def __init__(self, path: Path, notation: Notation) -> None:
        self.path, self.notation = path, notation
        self.known = frozenset(notation.formats)
        self.read, self.codes = dict[str, str](), dict[str, str]()
        self.rounded, self.compact = dict[str, str](), dict[str, str]()
        self.unread, self.dates = dict[str, Unread](), dict[str, list[str]]()

    def of_format(self, name: str, form: str) -> None:
        """A column is read in a format that was guessed."""
        if name in self.known or form in (PLAIN, self.notation.date_format):
            return
        what = "times, in hours" if form == TIME else f"dates, {form}" if is_of_dates(form) else f"numbers, {form}"
        self.read[name] = what

    def of_text(self, column: pl.Series) -> None:
        """A column is taken for categories."""
        if column.name in self.known:
            return
        if forms := possible_dates(column):
            self.dates[column.name] = forms
        elif unread := look_at(column):
            self.unread[column.name] = unread

    def of_codes(self, text: pl.Series) -> None:
        """A column of digits is read as numbers."""
        codes = text.filter(text.str.contains(_CODE))
        if len(codes) and text.name not in self.known:
            self.codes[text.name] = str(codes[0])

    def write(self, has_decimals: Callable[[], bool]) -> None:
        """Write the warnings to the log, but for those of columns that may yet be left out.

        Args:
            has_decimals: whether a number that was read has the decimal mark of the notation.
        """
        keep_decimal = bool(self.unread) and has_decimals()
        for name, unread in self.unread.items():
            self.notation.unread.setdefault(name, remark_on(unread, self.notation, keep_decimal))
        if self.read:
            columns = _examples(self.read)
            self._warn(f"read as what their values look like: {columns}; add {_categories(self.read)}")
        for name, forms in self.dates.items():
            typed = " or ".join(self._date_format(name, form) for form in forms)
            self._warn(f"{name}: read as text; add {typed} if these are dates, or {_categories([name])}")
        if self.codes:
            why = "leading zeros are lost, as these are read as numbers"
            self._warn(f"{_examples(self.codes)}: {why}; add {_categories(self.codes)}")
        if self.rounded:
            why = "whole numbers of more than 15 digits are rounded"
            self._warn(f"{_examples(self.rounded)}: {why}; add {_categories(self.rounded)}")
        for name, example in self.compact.items():
            typed = date_format(name, "%Y%m%d", self.notation.date_format or {}, self.notation.formats)
            self._warn(f"{name} ({example}): read as numbers; add {typed} if these are dates")

    def _date_format(self, name: str, form: str) -> str:
        return date_format(name, form, self.notation.date_format, self.notation.formats)

    def _warn(self, message: str) -> None:
        log.warning("%s: %s", self.path, message)


def _categories(names: Iterable[str]) -> str:
    return f"{as_list('categorical', *names)} if these are categories"


def _examples(columns: dict[str, str]) -> str:
    return shortened([f"{name} ({example})" for name, example in columns.items()])
