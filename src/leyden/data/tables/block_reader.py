"""Reading of the rows of a CSV file, a block at a time: inference of what the columns hold, and checks of the rows."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leyden.data.tables.column_warnings import ColumnWarnings
from leyden.data.tables.content import Content
from leyden.data.tables.fields import bare_quotes, is_blank
from leyden.data.tables.header import Header
from leyden.data.tables.notation import PLAIN, Notation, are_narrow
from leyden.data.tables.remedies import is_target
from leyden.data.tables.row_checks import RowBlock
from leyden.data.tables.type_inference import lookalike, read_text
from leyden.data.tables.value_formats import written_in_digits
from leyden.data.tables.wrong_values import WrongValues, merged, refusal
from leyden.system.errors import UserError
from leyden.system.override_text import setting

_INFERENCE = 10_000  # rows
_SAMPLE = 1 << 15  # bytes at either end of a block that are searched for leading zeros
_EXACT = 2.0**53  # beyond it, not every whole number is a float
_NARROW = float(np.finfo(np.float32).max) / 2  # the difference of two such numbers has 32 bits, too


class BlockReader:
    """Reads the blocks of one file; the first decides what the columns hold.

    Args:
        notation: of numbers, dates and missing values.
        is_text: True for a column that is text even if it looks like numbers.
    """

    def __init__(
        self, path: Path, content: Content, header: Header, notation: Notation, is_text: Callable[[str], bool]
    ) -> None:
        self.path, self.content, self.header = path, content, header
        self.notation, self.is_text = notation, is_text
        self.schema: dict[str, pl.DataType] = {}
        self.missing_numbers = notation.missing_numbers
        self.finds_words = bool(notation.missing)  # among numbers; searching takes a fifth of the time
        self.wrong, self.warnings = list[WrongValues](), ColumnWarnings(path, notation)
        self.whole = set[str]()  # columns of whole numbers without leading zeros
        self.has_decimals = False  # True if a column of numbers begins with some that are not whole

    def read(self, block: bytes, start: int) -> pl.DataFrame:
        """The rows of a block that begins at a byte of the file.

        Raises:
            UserError: a row has too many or too few fields.
        """
        block = bare_quotes(block, self.header.separator)
        rows = RowBlock(self.path, self.content, self.header, block, start)
        if b"\0" in block:
            rows.check_zero_bytes()
        self.schema = self.schema or self._inferred(block)
        self._find_codes(block)
        frame = self._by_schema(block) if self.notation.is_plain else None
        if frame is None:
            frame = self._from_text(rows)
        nulls = frame.null_count().row(0)
        if nulls[-1] and not rows.even:  # a row that is too short ends so
            rows.check_widths()
        frame = pl.DataFrame(
            [self._checked(column, rows) if column.dtype == pl.Float64 else column for column in frame]
        )
        if _may_have_blank_lines(frame) and rows.has_blank_lines:
            return frame.filter([not is_blank(fields) for _, fields in rows.rows()])
        return frame

    def settled(self, table: pl.DataFrame) -> pl.DataFrame:
        """The whole table with each column of text read as what all of its values are.

        Raises:
            UserError: a column of numbers or dates holds something else, or numbers or dates in another notation.
        """
        columns = [self._settled(table[name]) for name in table.columns if self.schema[name] == pl.String]
        if wrong := merged(self.wrong):
            raise refusal(self.path, wrong, self.notation, self._has_decimals(table, columns))
        self.warnings.write(lambda: self._has_decimals(table, columns))
        read = table.with_columns(columns)
        for column in read:
            if not self.is_text(column.name) and column.dtype != pl.String and column.count():
                self.notation.formats.setdefault(column.name, PLAIN)
        form = self.notation.date_format
        if isinstance(form, str) and form not in self.notation.formats.values():
            names = [name for name in written_in_digits(form, read) if not is_target(name)]
            typed = setting("data.date_format", dict.fromkeys(names, form))
            remedy = f"a column of digits must be named: {typed}" if names else "correct the setting, or leave it out"
            raise UserError(
                f"{setting('data.date_format', form)}: no column of text in {self.path} is written so; {remedy}"
            )
        return read

    def _inferred(self, block: bytes) -> dict[str, pl.DataType]:
        try:
            if self.notation.is_plain:
                inference = {
                    "n_rows": _INFERENCE,
                    "infer_schema_length": _INFERENCE,
                    "null_values": self.notation.words,
                }
                types = self._parse(block, None, **inference).dtypes
            else:
                text = map(self.notation.without_missing, self._parse_text(block, n_rows=_INFERENCE))
                types = [pl.Float64() if self._are_numbers(column) else pl.String() for column in text]
        except pl.exceptions.PolarsError:
            types = []  # a mistake in the rows, which reading them reports
        types += [pl.String()] * (len(self.header.names) - len(types))
        schema = dict[str, pl.DataType]()
        for name, dtype in zip(self.header.names, types, strict=False):
            plain = self.notation.formats.get(name, PLAIN) == PLAIN and name not in self.header.unnamed
            numbers = dtype.is_numeric() and plain and not self.is_text(name)
            schema[name] = pl.Float64() if numbers else pl.String()
            if numbers and dtype.is_integer():
                self.whole.add(name)
            self.has_decimals |= numbers and self.notation.is_plain and not dtype.is_integer()
        return schema

    def _are_numbers(self, column: pl.Series) -> bool:
        return 0 < column.count() == self.notation.numbers(column).count()

    def _find_codes(self, block: bytes) -> None:
        """Note columns of digits with leading zeros, at either end of a block, as sorted codes have them."""
        begin = block.rfind(b"\n", 0, -_SAMPLE) + 1
        for part in (block[: block.find(b"\n", _SAMPLE) + 1 or None], block[begin:] if begin else b""):
            if not part or not self.whole:
                return
            try:
                text = self._parse_text(part)
            except pl.exceptions.PolarsError:  # it begins within quotes, or there is a mistake, which reading reports
                continue
            for name in list(self.whole):
                self.warnings.note_codes(text[name].str.strip_chars())
            self.whole -= self.warnings.codes.keys()

    def _parse(self, block: bytes, schema: dict[str, pl.DataType] | None, **settings: Any) -> pl.DataFrame:
        return pl.read_csv(block, has_header=False, schema=schema, separator=self.header.separator, **settings)

    def _parse_text(self, block: bytes, **settings: Any) -> pl.DataFrame:
        return self._parse(block, dict.fromkeys(self.header.names, pl.String()), **settings)

    def _by_schema(self, block: bytes) -> pl.DataFrame | None:
        """The rows, if all values are of the types of their columns. Missing words are searched for once one is met."""
        for finds_words in (False, True)[self.finds_words :]:
            try:
                frame = self._parse(block, self.schema, null_values=self.notation.words if finds_words else None)
            except pl.exceptions.PolarsError:
                continue
            self.finds_words = finds_words
            return frame
        return None

    def _from_text(self, rows: RowBlock) -> pl.DataFrame:
        """The rows of a block in which there are blanks around a number, another notation or a mistake."""
        if self.notation.is_plain:
            rows.check_widths()
        try:
            text = self._parse_text(rows.block, null_values=self.notation.words)
        except pl.exceptions.PolarsError:
            rows.check_widths()
            rows.check_quotes()
            raise
        columns = []
        for name, dtype in self.schema.items():
            column = self.notation.without_missing(text[name])
            values = self.notation.numbers(column) if dtype == pl.Float64 else column
            wrong = values.is_null() & column.is_not_null()
            if wrong.any():
                self._add_wrong(rows, column, wrong, values.count())
            columns.append(values)
        return pl.DataFrame(columns)

    def _checked(self, column: pl.Series, rows: RowBlock) -> pl.Series:
        """Finite numbers, in the width that they need."""
        column = self._without_missing(column)
        values = column.to_numpy()  # not a copy, if none is missing
        low, high = values.min(), values.max()
        if math.isnan(low):  # some are missing
            column = column.fill_nan(None)
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if math.isinf(low) or math.isinf(high):
            text = self._parse_text(rows.block)[column.name].str.strip_chars()
            self._add_wrong(rows, text, column.is_infinite().fill_null(False), int(column.is_finite().sum()))
            return column.set(column.is_infinite(), None)
        if column.name in self.whole:
            self._check_whole(column, float(low), float(high))
        return self._in_width(column, max(abs(float(low)), abs(float(high))))

    def _check_whole(self, column: pl.Series, low: float, high: float) -> None:
        """Note whole numbers that are identifiers or dates such as 20150131."""
        if high > _EXACT:
            self.warnings.rounded[column.name] = f"{high:.0f}"
        elif low >= 1900_01_01 and high < 2100_01_01:
            days = column.cast(pl.Int64) % 100
            months = column.cast(pl.Int64) // 100 % 100
            if days.is_between(1, 31).all() and months.is_between(1, 12).all():
                self.warnings.compact[column.name] = f"{low:.0f}"

    def _add_wrong(self, rows: RowBlock, column: pl.Series, wrong: pl.Series, sound: int) -> None:
        line, _ = rows.row(int(wrong.arg_true()[0]))
        words = Counter(column.filter(wrong).to_list())
        self.wrong.append(WrongValues(column.name, line, "numbers", words, sound))  # called by several threads

    def _settled(self, column: pl.Series) -> pl.Series:
        """A column as numbers or dates if all its values are, or as text."""
        name, column = column.name, self.notation.without_missing(column)
        if self.is_text(name) or not column.count():
            return column
        reading = read_text(column, self.notation)
        kind, wrong = reading.kind, reading.wrong
        if kind == "text":
            kind, wrong = lookalike(column, self.notation)
        if len(wrong):
            line = self._line_of(name, wrong[0])
            sound = column.count() - len(wrong) if reading.kind != "text" else 0
            self.wrong.append(WrongValues(name, line, kind, Counter(wrong.to_list()), sound, reading.form))
        elif kind == "text":
            self.warnings.note_text(column)
            return column
        elif kind == "numbers" and reading.form == PLAIN:
            self.warnings.note_codes(column)
        self.warnings.note_format(name, reading.form)
        if reading.form != PLAIN:
            self.notation.formats[name] = reading.form
        if reading.kind != "numbers":
            return reading.values
        numbers = self._without_missing(reading.values)
        largest = numbers.abs().max()
        return self._in_width(numbers, largest) if isinstance(largest, float) else numbers

    def _line_of(self, name: str, value: str) -> int:
        """The line on which a column first holds a value."""
        place = self.header.names.index(name)
        found = ((line, fields) for line, fields in self.header.rows(self.content) if not isinstance(fields, str))
        return next((line for line, fields in found if fields[place].strip() == value), self.header.line)

    def _in_width(self, numbers: pl.Series, largest: float) -> pl.Series:
        """Numbers in 32 bits, or in 64 if 32 bits do not distinguish them."""
        wide = self.notation.wide
        narrow = are_narrow(numbers) if wide is None else numbers.name not in wide
        return numbers.cast(pl.Float32) if narrow and largest <= _NARROW else numbers

    def _has_decimals(self, table: pl.DataFrame, settled: list[pl.Series]) -> bool:
        """True if a number that was read has the decimal mark of the notation."""
        if self.has_decimals or any((column % 1 != 0).any() for column in table if column.dtype.is_float()):
            return True
        wrong = {values.name: list(values.words) for values in self.wrong}
        for name in (column.name for column in settled if column.dtype.is_float()):
            text = self.notation.without_missing(table[name])
            text = text.filter(~text.is_in(wrong.get(name, [])).fill_null(True))
            if text.str.contains(self.notation.decimal, literal=True).any():
                return True
        return False

    def _without_missing(self, numbers: pl.Series) -> pl.Series:
        return numbers.set(numbers.is_in(self.missing_numbers), None) if self.missing_numbers else numbers


def _may_have_blank_lines(frame: pl.DataFrame) -> bool:
    """True if a row has nothing in it, except blanks in its first column."""
    first, *others = frame
    if not all(column.null_count() for column in others) or not (first.null_count() or first.dtype == pl.String):
        return False
    empty = first.str.strip_chars().fill_null("") == "" if first.dtype == pl.String else first.is_null()
    for column in others:
        empty &= column.is_null()
    return bool(empty.any())
