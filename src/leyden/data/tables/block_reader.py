"""The rows of a CSV file, a block at a time: what the columns hold, and whether the rows keep to it."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leyden.data.tables.column_warnings import Remarks
from leyden.data.tables.content import Content
from leyden.data.tables.fields import bare_quotes, is_blank
from leyden.data.tables.header import Header
from leyden.data.tables.notation import PLAIN, Notation
from leyden.data.tables.remedies import is_target
from leyden.data.tables.row_checks import BlockOfRows, check_quotes, check_rows, check_zero_bytes, find_value
from leyden.data.tables.type_inference import as_numbers, lookalike, read_text
from leyden.data.tables.value_formats import written_in_digits
from leyden.data.tables.width import are_narrow
from leyden.data.tables.wrong_values import Odd, merged, refusal
from leyden.system.errors import UserError
from leyden.system.override_text import setting

_INFERENCE = {"n_rows": 10_000, "infer_schema_length": 10_000}  # from so many rows
_SAMPLE = 1 << 15  # bytes at either end of a block that are searched for leading zeros
_EXACT = 2.0**53  # beyond it, not every whole number is a float
_NARROW = float(np.finfo(np.float32).max) / 2  # the difference of two such numbers has 32 bits too


class TableReader:
    """Reads the blocks of one file; the first decides what the columns hold.

    Args:
        path: of the file, to name it.
        content: of the file.
        header: of the file.
        notation: of numbers, dates and missing values.
        is_text: whether a column is text whatever it looks like.
    """

    def __init__(
        self, path: Path, content: Content, header: Header, notation: Notation, is_text: Callable[[str], bool]
    ) -> None:
        self.path, self.content, self.described = path, content, header
        self.header, self.separator = header.names, header.separator
        self.notation, self.is_text, self.missing = notation, is_text, notation.words
        self.missing_numbers = as_numbers(pl.Series(notation.missing, dtype=pl.String)).drop_nulls().to_list()
        self.schema: dict[str, pl.DataType] = {}
        self.words = bool(notation.missing)  # whether one stands among numbers: to look takes a fifth of the time
        self.odds, self.remarks, self.whole = list[Odd](), Remarks(path, notation), set[str]()
        self.has_decimals = False  # whether a column of numbers begins with some that are not whole

    def read(self, block: bytes, start: int) -> pl.DataFrame:
        """The rows of a block that begins at a byte of the file.

        Raises:
            UserError: a row has too many or too few fields.
        """
        block = bare_quotes(block, self.separator)
        place = BlockOfRows(self.path, self.content, self.header, self.separator, block, start)
        if b"\0" in block:
            check_zero_bytes(place)
        self.schema = self.schema or self._inferred(block)
        self._look_for_codes(block)
        frame = self._as_promised(block) if self.notation.is_plain else None
        if frame is None:
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
        """The whole table, once all of a column tells what it holds.

        Raises:
            UserError: a column of numbers or dates holds something else, or numbers or dates in another notation.
        """
        columns = [self._settled(table[name]) for name in table.columns if self.schema[name] == pl.String]
        if odds := merged(self.odds):
            raise refusal(self.path, odds, self.notation, self._has_decimals(table, columns))
        self.remarks.write(lambda: self._has_decimals(table, columns))
        read = table.with_columns(columns)
        for column in read:
            if not self.is_text(column.name) and column.dtype != pl.String and column.count():
                self.notation.formats.setdefault(column.name, PLAIN)
        form = self.notation.date_format
        if isinstance(form, str) and form not in self.notation.formats.values():
            names = [name for name in written_in_digits(form, read) if not is_target(name)]
            typed = setting("data.date_format", dict.fromkeys(names, form))
            remedy = (
                f"a column of digits alone must be named: {typed}" if names else "correct the setting, or leave it out"
            )
            raise UserError(
                f"{setting('data.date_format', form)}: no column of text in {self.path} is written so; {remedy}"
            )
        return read

    def _inferred(self, block: bytes) -> dict[str, pl.DataType]:
        try:
            if self.notation.is_plain:
                kinds = self._parse(block, None, **_INFERENCE, null_values=self.missing).dtypes
            else:
                kinds = self._inferred_from_text(block)
        except pl.exceptions.PolarsError:
            kinds = []  # a mistake in the rows, which reading them finds
        kinds += [pl.String()] * (len(self.header) - len(kinds))
        schema = dict[str, pl.DataType]()
        for name, kind in zip(self.header, kinds, strict=False):
            plain = self.notation.formats.get(name, PLAIN) == PLAIN and name not in self.described.unnamed
            numbers = kind.is_numeric() and plain and not self.is_text(name)
            schema[name] = pl.Float64() if numbers else pl.String()
            if numbers and kind.is_integer():
                self.whole.add(name)
            self.has_decimals |= numbers and self.notation.is_plain and not kind.is_integer()
        return schema

    def _inferred_from_text(self, block: bytes) -> list[pl.DataType]:
        """Whether each column begins with numbers in the notation of the file."""
        text = self._parse(block, self._as_text(), n_rows=_INFERENCE["n_rows"])
        kinds = list[pl.DataType]()
        for column in map(self.notation.without_missing, text):
            numbers = self.notation.numbers(column)
            kinds.append(pl.Float64() if column.count() and numbers.count() == column.count() else pl.String())
        return kinds

    def _look_for_codes(self, block: bytes) -> None:
        """Remark on columns of digits with leading zeros, at either end of a block, where sorted codes have them."""
        begin = block.rfind(b"\n", 0, -_SAMPLE) + 1
        for part in (block[: block.find(b"\n", _SAMPLE) + 1 or None], block[begin:] if begin else b""):
            if not part or not self.whole:
                return
            try:
                text = self._parse(part, self._as_text())
            except pl.exceptions.PolarsError:  # it begins within quotes, or there is a mistake, which reading finds
                continue
            for name in list(self.whole):
                self.remarks.of_codes(text[name].str.strip_chars())
            self.whole -= self.remarks.codes.keys()

    def _as_text(self) -> dict[str, pl.DataType]:
        return dict.fromkeys(self.header, pl.String())

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

    def _from_text(self, place: BlockOfRows) -> pl.DataFrame:
        """Read a block that is not as plain as its columns promise: there are blanks around a number, or a mistake."""
        if self.notation.is_plain:
            check_rows(place)
        try:
            text = self._parse(place.block, self._as_text(), null_values=self.missing)
        except pl.exceptions.PolarsError:
            check_rows(place)
            check_quotes(place)
            raise
        columns = []
        for name, kind in self.schema.items():
            column = self.notation.without_missing(text[name])
            values = self.notation.numbers(column) if kind == pl.Float64 else column
            wrong = values.is_null() & column.is_not_null()
            if wrong.any():
                self._add_odd(place, column, wrong, values.count())
            columns.append(values)
        return pl.DataFrame(columns)

    def _checked(self, column: pl.Series, place: BlockOfRows) -> pl.Series:
        """Finite numbers, in the width that they need."""
        column = self._known(column)
        values = column.to_numpy()  # where all are there these are the numbers themselves, not a copy
        low, high = values.min(), values.max()
        if math.isnan(low):  # some are missing
            column = column.fill_nan(None)
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if math.isinf(low) or math.isinf(high):
            text = self._parse(place.block, self._as_text())[column.name].str.strip_chars()
            self._add_odd(place, text, column.is_infinite().fill_null(False), int(column.is_finite().sum()))
            return column.set(column.is_infinite(), None)
        if column.name in self.whole:
            self._look_at_whole(column, float(low), float(high))
        return self._in_width(column, max(abs(float(low)), abs(float(high))))

    def _look_at_whole(self, column: pl.Series, low: float, high: float) -> None:
        """Remark on whole numbers that are no quantities."""
        if high > _EXACT:
            self.remarks.rounded[column.name] = f"{high:.0f}"
        elif low >= 1900_01_01 and high < 2100_01_01:
            days = column.cast(pl.Int64) % 100
            months = column.cast(pl.Int64) // 100 % 100
            if days.is_between(1, 31).all() and months.is_between(1, 12).all():
                self.remarks.compact[column.name] = f"{low:.0f}"

    def _add_odd(self, place: BlockOfRows, column: pl.Series, wrong: pl.Series, sound: int) -> None:
        line, _ = place.row(int(wrong.arg_true()[0]))
        words = Counter(column.filter(wrong).to_list())
        self.odds.append(Odd(column.name, line, "numbers", words, sound))  # of several threads

    def _settled(self, column: pl.Series) -> pl.Series:
        """Numbers or dates, if all of it is; text otherwise."""
        name, column = column.name, self.notation.without_missing(column)
        if self.is_text(name) or not column.count():
            return column
        reading = read_text(column, self.notation)
        kind, wrong = reading.kind, reading.wrong
        if kind == "text":
            kind, wrong = lookalike(column, self.notation)
        if len(wrong):
            line = find_value(self.content, self.described, self.header.index(name), wrong[0])
            sound = column.count() - len(wrong) if reading.kind != "text" else 0
            self.odds.append(Odd(name, line, kind, Counter(wrong.to_list()), sound, reading.form))
        elif kind == "text":
            self.remarks.of_text(column)
            return column
        elif kind == "numbers" and reading.form == PLAIN:
            self.remarks.of_codes(column)
        self.remarks.of_format(name, reading.form)
        if reading.form != PLAIN:
            self.notation.formats[name] = reading.form
        if reading.kind != "numbers":
            return reading.values
        numbers = self._known(reading.values)
        largest = numbers.abs().max()
        return self._in_width(numbers, largest) if isinstance(largest, float) else numbers

    def _in_width(self, numbers: pl.Series, largest: float) -> pl.Series:
        """Numbers in 32 bits, or in 64 where these would lose what tells them apart."""
        wide = self.notation.wide
        narrow = are_narrow(numbers) if wide is None else numbers.name not in wide
        return numbers.cast(pl.Float32) if narrow and largest <= _NARROW else numbers

    def _has_decimals(self, table: pl.DataFrame, settled: list[pl.Series]) -> bool:
        """Whether a number that was read has the decimal mark of the notation."""
        if self.has_decimals or any((column % 1 != 0).any() for column in table if column.dtype.is_float()):
            return True
        wrong = {odd.name: list(odd.words) for odd in self.odds}
        for name in (column.name for column in settled if column.dtype.is_float()):
            text = self.notation.without_missing(table[name])
            text = text.filter(~text.is_in(wrong.get(name, [])).fill_null(True))
            if text.str.contains(self.notation.decimal, literal=True).any():
                return True
        return False

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
