"""What is wrong with a CSV file, and where. Looked for row by row, once something is known to be wrong."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from leyden.errors import UserError

_STEP = 1 << 20  # bytes that are read at once, to count lines
_SEPARATORS = {  # as they are typed in a shell
    ",": "\"data.separator=','\"",
    ";": "\"data.separator=';'\"",
    "\t": r"'data.separator=\t'",
    "|": "'data.separator=|'",
}


@dataclass(frozen=True)
class Place:
    """A block of rows in a file.

    Attributes:
        start: how many bytes come before it.
    """

    path: Path
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
        sizes = (min(_STEP, self.start - begin) for begin in range(0, self.start, _STEP))
        with self.path.open("rb") as file:
            return 1 + number + sum(file.read(size).count(b"\n") for size in sizes)

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
            raise UserError(
                f"{self.path}, line {line}: is not UTF-8; save the file as UTF-8, as "
                "`iconv -f latin1 -t utf-8` does for files of older Windows programs"
            ) from None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator, strict=True)
        csv.field_size_limit(max(len(text), 1 << 17))  # a quote that is left open swallows the rest
        begins = 0
        try:
            for fields in reader:
                yield begins, fields
                begins = reader.line_num
        except csv.Error as error:
            raise UserError(f"{self.path}, line {self.line(begins)}: {_why(error)}") from None


def check_header(path: Path, file: BinaryIO, separator: str) -> list[str]:
    """Read the first line, and leave the file behind it.

    Raises:
        UserError: there is none, it names no columns or one of them twice, or fields are separated by something else.
    """
    if len(separator.encode()) != 1 or separator in '"\r\n':
        raise UserError(f"data.separator={separator!r}: must be one character, and neither a quote nor a line end")
    line = file.readline()
    try:
        text = line.removeprefix(b"\xef\xbb\xbf").decode().strip("\r\n")  # some programs begin with a byte order mark
    except UnicodeDecodeError:
        raise UserError(f"{path}, line 1: is not UTF-8; save the file as UTF-8") from None
    if not text.strip():
        what = "its first line is blank; it must name the columns" if line else "is empty"
        raise UserError(f"{path}: {what}")
    if "\0" in text:
        raise UserError(f"{path}, line 1: holds zero bytes; this is no CSV file")
    if "\r" in text:
        raise UserError(f"{path}: lines end as on old Macs; save the file with line ends of Unix or Windows")
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=separator, strict=True))]
    except csv.Error as error:
        raise UserError(f"{path}, line 1: {_why(error)}") from None
    if len(names) == 1:
        other = next((s for s in _SEPARATORS if s != separator and text.count(s) > 0), None)
        if other:
            raise UserError(
                f"{path}, line 1: has one column, {text[:60]}; if that is several, add {_SEPARATORS[other]}"
            )
    for number, name in enumerate(names, start=1):
        if not name:
            raise UserError(f"{path}, line 1: column {number} has no name")
        if names.count(name) > 1:
            raise UserError(f"{path}, line 1: two columns are named {name}")
    if all(map(_is_number, names)):
        raise UserError(f"{path}, line 1: holds numbers ({text[:60]}); the first line must name the columns")
    return names


def check_rows(place: Place) -> None:
    """Every row has as many fields as the header; blank lines aside.

    Raises:
        UserError: for the first that has not.
    """
    width = len(place.header)
    for number, fields in place.rows():
        if len(fields) != width and not is_blank(fields):
            amount = "few" if len(fields) < width else "many"
            quote = "; is a quote left open there?" if b'"' in place.block else ""
            what = f"has {len(fields)} fields, too {amount} for the {width} columns of the header"
            raise UserError(f"{place.path}, line {place.line(number)}: {what}{quote}")


def check_quotes(place: Place) -> None:
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


def find_value(path: Path, separator: str, column: int, value: str) -> int:
    """The line on which a column first holds a value."""
    csv.field_size_limit(max(path.stat().st_size, 1 << 17))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        begins = 1
        for fields in reader:
            if len(fields) > column and fields[column].strip() == value:
                return begins
            begins = reader.line_num + 1
    return begins


def is_blank(fields: list[str]) -> bool:
    """Whether this is a line with nothing on it, or blanks only."""
    return not fields or (len(fields) == 1 and fields[0].isspace())


def blank_line(separator: str) -> bytes:
    """A pattern for a line with nothing on it, or blanks only."""
    blanks = " \t".replace(separator, "")
    return rf"[{blanks}]*\r?\n".encode()


def _why(error: csv.Error) -> str:
    return "a quote is left open" if "end of data" in str(error) else str(error)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
