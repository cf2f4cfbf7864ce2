"""The rows of a CSV file, a block at a time: what the columns hold, and whether the rows keep to it."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leyden.data.table_mistakes import Place, as_list, check_quotes, check_rows, find_value
from leyden.errors import UserError

MISSING = ("", "NA", "N/A", "NaN", "nan", "-nan", "null", "None", "?")  # what stands for a value that is not there
_INFERENCE = {"n_rows": 10_000, "infer_schema_length": 10_000, "try_parse_dates": True}  # from so many rows
_MOSTLY = 0.9  # of a column: if so many are numbers, the others are mistakes and not categories


class TableReader:
    """Reads the blocks of one file; the first decides what the columns hold.

    Args:
        path: of the file, to name it.
        header: the names of the columns.
        separator: between fields.
        missing: what stands for a missing value, beside the usual words.
        is_text: whether a column is text whatever it looks like.
    """

    def __init__(
        self, path: Path, header: list[str], separator: str, missing: Sequence[str], is_text: Callable[[str], bool]
    ) -> None:
        self.path, self.header, self.separator = path, header, separator
        self.missing, self.is_text = [*MISSING, *missing], is_text
        self.schema: dict[str, pl.DataType] = {}
        self.words = bool(
            missing
        )  # whether one of them stands among numbers: to look for them takes a fifth of the time

    def read(self, block: bytes, start: int) -> pl.DataFrame:
        """The rows of a block that begins at a byte of the file.

        Raises:
            UserError: a row has too many or too few fields, or a field holds something else than its column.
        """
        place = Place(self.path, self.header, self.separator, block, start)
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
        return frame.filter(~pl.all_horizontal(pl.all().is_null())) if all(nulls) else frame

    def settled(self, table: pl.DataFrame) -> pl.DataFrame:
        """The whole table, where what the first rows told of a column no longer counts."""
        return table.with_columns(self._settled(table[name]) for name, kind in self.schema.items() if kind == pl.String)

    def _inferred(self, block: bytes) -> dict[str, pl.DataType]:
        try:
            kinds = self._parse(block, None, **_INFERENCE, null_values=self.missing).dtypes
        except pl.exceptions.PolarsError:
            kinds = []  # a mistake in the rows, which reading them finds
        kinds += [pl.String()] * (len(self.header) - len(kinds))
        schema: dict[str, pl.DataType] = {}
        for name, kind in zip(self.header, kinds, strict=False):
            if self.is_text(name) or not (kind.is_numeric() or kind in (pl.Date, pl.Datetime)):
                schema[name] = pl.String()
            else:
                schema[name] = pl.Float64() if kind.is_numeric() else kind
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
            if kind == pl.String:
                columns.append(column)
                continue
            values = _converted(column, kind)
            wrong = ~_sound(values) & column.is_not_null()
            if wrong.any():
                row = int(wrong.arg_true()[0])
                raise _mistake(self.path, place.line(row), name, column[row], kind)
            columns.append(values)
        return pl.DataFrame(columns)

    def _checked(self, column: pl.Series, place: Place) -> pl.Series:
        """Finite numbers, in the width that they need."""
        values = column.to_numpy()  # where all are there these are the numbers themselves, not a copy
        low, high = values.min(), values.max()
        if math.isnan(low):  # some are missing
            column = column.fill_nan(None)
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if math.isinf(low) or math.isinf(high):
            row = int(column.is_infinite().arg_true()[0])
            raise _mistake(self.path, place.line(row), column.name, column[row], pl.Float64())
        return column.cast(pl.Float32) if max(abs(low), abs(high)) <= 1000 * (high - low) else column

    def _settled(self, column: pl.Series) -> pl.Series:
        """Text, unless all of it is numbers, or dates.

        Raises:
            UserError: nearly all of it is.
        """
        column = self._stripped(column)
        if self.is_text(column.name) or not column.count():
            return column
        for kind in (pl.Float64(), pl.Date(), pl.Datetime()):
            values = _converted(column, kind)
            if values.count() >= _MOSTLY * column.count():
                wrong = column.filter(~_sound(values) & column.is_not_null())
                if len(wrong):
                    line = find_value(self.path, self.separator, self.header.index(column.name), wrong[0])
                    raise _mistake(self.path, line, column.name, wrong[0], kind)
                return values
        return column

    def _stripped(self, column: pl.Series) -> pl.Series:
        column = column.str.strip_chars()
        return column.set(column.is_in(self.missing), None)


def _converted(column: pl.Series, kind: pl.DataType) -> pl.Series:
    """Text as numbers or dates; null where it is something else."""
    if kind == pl.Float64:
        return column.cast(pl.Float64, strict=False).fill_nan(None)
    try:
        return column.str.to_date(strict=False) if kind == pl.Date else column.str.to_datetime(strict=False)
    except pl.exceptions.ComputeError:  # nothing in it looks like a date
        return pl.Series(column.name, [None] * len(column), dtype=kind)


def _sound(values: pl.Series) -> pl.Series:
    return values.is_not_null() & (values.is_finite() if values.dtype == pl.Float64 else True)


def _mistake(path: Path, line: int, name: str, value: object, kind: pl.DataType) -> UserError:
    at = f"{path}, line {line}: {name}={value}:"
    if kind == pl.Float64 and _is_infinite(value):
        return UserError(f"{at} must be finite; if it stands for a missing value, write nothing there")
    what = "numbers" if kind == pl.Float64 else "dates"
    return UserError(
        f"{at} is text in a column of {what}; mend it, or add {as_list('missing', str(value))} if nothing is known "
        f"there, or {as_list('categorical', name)} if these are categories"
    )


def _is_infinite(value: object) -> bool:
    try:
        return math.isinf(float(str(value)))
    except ValueError:
        return False
