"""Checks of the rows of a CSV file, row by row, once a block is known to hold a mistake."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from leyden.data.tables.content import Content, count_lines
from leyden.data.tables.fields import blank_line, is_blank
from leyden.data.tables.header import Header
from leyden.data.tables.other_formats import utf8_remedy
from leyden.data.tables.remedies import without_comments, without_line, zero_bytes_remedy
from leyden.system.errors import UserError


@dataclass(frozen=True)
class RowBlock:
    """A block of rows in a file.

    Attributes:
        start: number of bytes before it.
    """

    path: Path
    content: Content
    header: Header
    block: bytes
    start: int

    @property
    def even(self) -> bool:
        """True if the number of separators shows that no row is too short, given that none is too long."""
        lines = self.block.count(b"\n") + (not self.block.endswith(b"\n"))
        separators = self.block.count(self.header.separator.encode())
        return b'"' not in self.block and separators == lines * (len(self.header.names) - 1)

    @property
    def has_blank_lines(self) -> bool:
        block = self.block if self.block.endswith(b"\n") else self.block + b"\n"
        return re.search(b"(?m)^" + blank_line(self.header.separator), block) is not None

    def line(self, number: int) -> int:
        """The line of the file, from 1, of a line of this block, from 0."""
        return 1 + number + count_lines(self.content, 0, self.start)

    def row(self, number: int) -> tuple[int, list[str]]:
        """The line of the file on which a row of this block begins, and its fields."""
        line, fields = next(islice(self.rows(), number, None))
        return self.line(line), fields

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The line of this block, from 0, on which each row begins, and the fields of the row.

        Raises:
            UserError: a byte is not UTF-8, or a quote is left open.
        """
        try:
            text = self.block.decode()
        except UnicodeDecodeError as error:
            line = self.block.count(b"\n", 0, error.start)
            raise self._error(line, f"is not UTF-8; {utf8_remedy(self.path, self.block)}") from None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.header.separator, strict=True)
        csv.field_size_limit(max(len(text), 1 << 17))  # an open quote takes the rest for one field
        begins = 0
        try:
            for fields in reader:
                yield begins, fields
                begins = reader.line_num
        except csv.Error as error:
            why = "a quote is left open; close it" if "end of data" in str(error) else str(error)
            raise self._error(begins, why) from None

    def check_widths(self) -> None:
        """Refuse a row with more or fewer fields than the header, unless it is blank."""
        width = len(self.header.names)
        for line, fields in self.rows():
            if len(fields) == width or is_blank(fields):
                continue
            count = f"{len(fields)} field{'s' * (len(fields) > 1)}, too {'few' if len(fields) < width else 'many'}"
            if fields[0].startswith("#"):
                remedy = f"if it is a comment, remove it: {without_comments(self.path)}"
            else:
                quote = " (is a quote left open there?)" if b'"' in self.block else ""
                remedy = f"correct the line{quote}, or remove it: {without_line(self.path, self.line(line))}"
            raise self._error(line, f"has {count} for the {width} columns of the header; {remedy}")

    def check_zero_bytes(self) -> None:
        """Refuse a zero byte."""
        found = self.block.find(b"\0")
        if found >= 0:
            raise self._error(self.block.count(b"\n", 0, found), f"holds zero bytes; {zero_bytes_remedy(self.path)}")

    def check_quotes(self) -> None:
        """Refuse a quote that neither begins nor ends a field, and is not doubled within quotes."""
        text, separator = self.block.decode(), re.escape(self.header.separator)
        field = rf'(?:"(?:[^"]|"")*+"|[^"\r\n{separator}]*+)'
        row = re.compile(rf"{field}(?:{separator}{field})*+(?:\r?\n|\r?\Z)")
        begin = 0
        while begin < len(text):
            match = row.match(text, begin)
            if not match:
                why = "a quote stands within a field; put the field in quotes, and this one twice"
                raise self._error(text.count("\n", 0, begin), why)
            begin = match.end()

    def _error(self, line: int, what: str) -> UserError:
        return UserError(f"{self.path}, line {self.line(line)}: {what}")
