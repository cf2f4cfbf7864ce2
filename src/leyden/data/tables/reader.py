"""The rows of a CSV file, a block at a time: what the columns hold, and whether the rows keep to it."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leyden.data.tables.content import Content
from leyden.data.tables.fields import bare_quotes, is_blank
from leyden.data.tables.header import Header
from leyden.data.tables.mistakes import Place, check_quotes, check_rows, check_zero_bytes, find_value
from leyden.data.tables.remedies import as_list
from leyden.data.tables.text import MISSING, as_numbers, is_infinite, is_like_date, kind_of_text, lookalike, plainly
from leyden.errors import UserError

_INFERENCE = {"n_rows": 10_000, "infer_schema_length": 10_000}  # from so many rows
_NARROW = float(np.finfo(np.float32).max) / 2  # the difference of two such numbers has 32 bits too


class TableReader:
    """Reads the blocks of one file; the first decides what the columns hold.

    Args:
        path: of the file, to name it.
        content: of the file.
        header: of the file.
        missing: what stands for a missing value, beside the usual words.
        is_text: whether a column is text whatever it looks like.
    """

    def __init__(
        self,
        path: Path,
        content: Content,
        header: Header,
        missing: Sequence[str],
        is_text: Callable[[str], bool],
    ) -> None:
        self.path, self.content, self.described = path, content, header
        self.header, self.separator = header.names, header.separator
        self.missing, self.is_text = [*MISSING, *missing], is_text
        self.missing_numbers = as_numbers(pl.Series(missing, dtype=pl.String)).drop_nulls().to_list()
        self.schema: dict[str, pl.DataType] = {}
        self.words = bool(missing)  # whether one stands among numbers: to look for them takes a fifth of the time

    def read(self, block: bytes, start: int) -> pl.DataFrame:
        """The rows of a block that begins at a byte of the file.

        Raises:
            UserError: a row has too many or too few fields, or a field holds something else than its column.
        """
        block = bare_quotes(block, self.separator)
        place = Place(self.path, self.content, self.header, self.separator, block, start)
        if b"\0" in block:
            check_zero_bytes(place)
        self.schema = self.schema or self._inferred(block)
        frame = self._as_promised(block)
        if frame is None:
            check_rows(place)
            frame = self._from_text(place)
        nulls = frame.null_count().row(0)
        if nulls[-1] and not place.even:  # a row that is too short ends so
            check_rows(place)
        columns = [self._checked(column, place) if column.dtype == pl.Float64 else column for column in frame]
        frame = pl.DataFrame(columns)
        if _may_have_blank_lines(frame) and place.has_blank_lines:
            return frame.filter([not is_blank(fields) for _, fields in place.rows()])
        return frame

    def settled(self, table: pl.DataFrame) -> pl.DataFrame:
        """The whole table, where what the first rows told of a column no longer counts."""
        text = [name for name in table.columns if self.schema[name] == pl.String]
        return table.with_columns(self._settled(table[name]) for name in text)

    def _inferred(self, block: bytes) -> dict[str, pl.DataType]:
        try:
            kinds = self._parse(block, None, **_INFERENCE, null_values=self.missing).dtypes
        except pl.exceptions.PolarsError:
            kinds = []  # a mistake in the rows, which reading them finds
        kinds += [pl.String()] * (len(self.header) - len(kinds))
        schema = dict[str, pl.DataType]()
        for name, kind in zip(self.header, kinds, strict=False):
            is_text = self.is_text(name) or name in self.described.unnamed
            schema[name] = pl.Float64() if kind.is_numeric() and not is_text else pl.String()
        return schema

    def _parse(self, block: bytes, schema: dict[str, pl.DataType] | None, **settings: Any) -> pl.DataFrame:
        return pl.read_csv(
            block,
            has_header=False,
            schema=schema,
            separator=self.separator,
            **settings,
        )

    def _as_promised(self, block: bytes) -> pl.DataFrame | None:
        """The rows, if they hold what their columns promise. Words are looked for once there is one among numbers."""
        for words in (False, True)[self.words :]:
            try:
                frame = self._parse(block, self.schema, null_values=self.missing if words else None)
            except pl.exceptions.PolarsError:
                continue
            self.words = words
            return frame
        return None

    def _from_text(self, place: Place) -> pl.DataFrame:
        """Read a block that is not as plain as its columns promise: there are blanks around a number, or a mistake."""
        try:
            text = self._parse(place.block, dict.fromkeys(self.header, pl.String()), null_values=self.missing)
        except pl.exceptions.PolarsError:
            check_quotes(place)
            raise
        columns = []
        for name, kind in self.schema.items():
            column = self._stripped(text[name])
            values = as_numbers(column) if kind == pl.Float64 else column
            wrong = values.is_null() & column.is_not_null()
            if wrong.any():
                row = int(wrong.arg_true()[0])
                raise _mistake(self.path, place.row(row)[0], name, column[row], "numbers")
            columns.append(values)
        return pl.DataFrame(columns)

    def _checked(self, column: pl.Series, place: Place) -> pl.Series:
        """Finite numbers, in the width that they need."""
        column = self._known(column)
        values = column.to_numpy()  # where all are there these are the numbers themselves, not a copy
        low, high = values.min(), values.max()
        if math.isnan(low):  # some are missing
            column = column.fill_nan(None)
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if math.isinf(low) or math.isinf(high):
            line, fields = place.row(int(column.is_infinite().arg_true()[0]))
            value = fields[self.header.index(column.name)].strip()
            raise _mistake(self.path, line, column.name, value, "numbers")
        narrow = max(abs(low), abs(high)) <= min(1000 * (float(high) - float(low)), _NARROW)
        return column.cast(pl.Float32) if narrow else column

    def _settled(self, column: pl.Series) -> pl.Series:
        """Text, unless all of it is numbers, or dates.

        Raises:
            UserError: nearly all of it is, or is meant to be.
        """
        column = self._stripped(column)
        if self.is_text(column.name) or not column.count():
            return column
        kind, values = kind_of_text(column)
        if kind == "text":
            meant, wrong = lookalike(column)
        else:
            sound = values.is_finite() if kind == "numbers" else values.is_not_null()
            meant, wrong = kind, column.filter(column.is_not_null() & ~sound.fill_null(False))
        if len(wrong):
            line = find_value(self.content, self.described, self.header.index(column.name), wrong[0])
            raise _mistake(self.path, line, column.name, wrong[0], meant)
        return self._known(values) if kind == "numbers" else values

    def _stripped(self, column: pl.Series) -> pl.Series:
        column = column.str.strip_chars()
        return column.set(column.is_in(self.missing), None)

    def _known(self, numbers: pl.Series) -> pl.Series:
        return numbers.set(numbers.is_in(self.missing_numbers), None) if self.missing_numbers else numbers


def _may_have_blank_lines(frame: pl.DataFrame) -> bool:
    """Whether there is a row with nothing in it, but for blanks in its first column."""
    first, *others = frame
    if not all(column.null_count() for column in others) or not (first.null_count() or first.dtype == pl.String):
        return False
    empty = first.str.strip_chars().fill_null("") == "" if first.dtype == pl.String else first.is_null()
    for column in others:
        empty &= column.is_null()
    return bool(empty.any())


def _mistake(path: Path, line: int, name: str, value: str, kind: str) -> UserError:
    at, categories = f"{path}, line {line}: {name}={value}:", f"{as_list('categorical', name)} if these are categories"
    if kind == "dates" and is_like_date(value):
        ignore = as_list("ignore", name)
        return UserError(
            f"{at} write dates as 2015-01-31 (year-month-day), or add {ignore} to leave it out, or {categories}"
        )
    if kind == "numbers" and is_infinite(value):
        return UserError(f"{at} must be finite; if it stands for a missing value, write nothing there")
    plain = plainly(value) if kind == "numbers" else None
    if plain:
        return UserError(f"{at} is not plainly a number; write {plain}, or add {categories}")
    return UserError(
        f"{at} is text in a column of {kind}; mend it, or add {as_list('missing', value)} if nothing is known there, "
        f"or {categories}"
    )
