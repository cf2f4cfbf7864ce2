"""What is wrong with a CSV file, and where. Looked for row by row, once something is known to be wrong."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from leyden.data.tables.content import Content, count_lines, lines_in
from leyden.data.tables.fields import blank_line, is_blank, rows_in
from leyden.data.tables.header import Header
from leyden.data.tables.other_formats import utf8_remedy
from leyden.data.tables.remedies import without_comments, without_line, zero_bytes_remedy
from leyden.system.errors import UserError


@dataclass(frozen=True)
class BlockOfRows:
    """A block of rows in a file.

    Attributes:
        start: how many bytes come before it.
    """

    path: Path
    content: Content
    header: list[str]
    separator: str
    block: bytes
    start: int

    @property
    def even(self) -> bool:
        """Whether the number of separators alone tells that no row is too short, given that none is too long."""
        return b'"' not in self.block and self.block.count(self.separator.encode()) == (
            self.block.count(b"\n") + (not self.block.endswith(b"\n"))
        ) * (len(self.header) - 1)

    @property
    def has_blank_lines(self) -> bool:
        block = self.block if self.block.endswith(b"\n") else self.block + b"\n"
        return re.search(b"(?m)^" + blank_line(self.separator), block) is not None

    def line(self, number: int) -> int:
        """The line of the file, from 1, of a line of this block, from 0."""
        return 1 + number + count_lines(self.content, 0, self.start)

    def row(self, number: int) -> tuple[int, list[str]]:
        """The line of the file on which a row of this block begins, and its fields."""
        line, fields = next(islice(self.rows(), number, None))
        return self.line(line), fields

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row's fields, and the line of this block, from 0, on which it begins.

        Raises:
            UserError: a byte is not UTF-8, or a quote is left open.
        """
        try:
            text = self.block.decode()
        except UnicodeDecodeError as error:
            line = self.line(self.block.count(b"\n", 0, error.start))
            raise UserError(f"{self.path}, line {line}: is not UTF-8; {utf8_remedy(self.path, self.block)}") from None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator, strict=True)
        csv.field_size_limit(max(len(text), 1 << 17))  # a quote that is left open swallows the rest
        begins = 0
        try:
            for fields in reader:
                yield begins, fields
                begins = reader.line_num
        except csv.Error as error:
            raise UserError(f"{self.path}, line {self.line(begins)}: {_why(error)}") from None


def check_rows(place: BlockOfRows) -> None:
    """Every row has as many fields as the header; blank lines aside.

    Raises:
        UserError: for the first that has not.
    """
    width = len(place.header)
    for number, fields in place.rows():
        if len(fields) != width and not is_blank(fields):
            amount = "few" if len(fields) < width else "many"
            line = place.line(number)
            what = (
                f"has {len(fields)} field{'s' * (len(fields) > 1)}, too {amount} for the {width} columns of the header"
            )
            if fields[0].startswith("#"):
                remedy = f"if it is a comment, remove it: {without_comments(place.path)}"
            else:
                quote = " (is a quote left open there?)" if b'"' in place.block else ""
                remedy = f"correct the line{quote}, or remove it: {without_line(place.path, line)}"
            raise UserError(f"{place.path}, line {line}: {what}; {remedy}")


def check_zero_bytes(place: BlockOfRows) -> None:
    """No byte is zero.

    Raises:
        UserError: for the first that is.
    """
    found = place.block.find(b"\0")
    if found >= 0:
        line = place.line(place.block.count(b"\n", 0, found))
        raise UserError(f"{place.path}, line {line}: holds zero bytes; {zero_bytes_remedy(place.path)}")


def check_quotes(place: BlockOfRows) -> None:
    """Every quote begins or ends a field, or is doubled within quotes.

    Raises:
        UserError: for the first row with one that does not.
    """
    text, separator = place.block.decode(), re.escape(place.separator)
    field = rf'(?:"(?:[^"]|"")*+"|[^"\r\n{separator}]*+)'
    row = re.compile(rf"{field}(?:{separator}{field})*+(?:\r?\n|\r?\Z)")
    begin = 0
    while begin < len(text):
        match = row.match(text, begin)
        if not match:
            line = place.line(text.count("\n", 0, begin))
            raise UserError(
                f"{place.path}, line {line}: a quote stands within a field; put the field in quotes, and this one twice"
            )
        begin = match.end()


def find_value(content: Content, header: Header, column: int, value: str) -> int:
    """The line on which a column first holds a value."""
    line = header.line
    for line, fields in rows_in(lines_in(content, header.begin), header.line, len(header.names), header.separator):
        if not isinstance(fields, str) and fields[column].strip() == value:
            return line
    return line


def _why(error: csv.Error) -> str:
    return "a quote is left open; close it" if "end of data" in str(error) else str(error)
