"""Header of a CSV file: the names of its columns, and the position of its first row."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from leyden.data.tables.column_names import is_number, unique_names
from leyden.data.tables.content import Content, lines_in
from leyden.data.tables.fields import BLANKS, fields_in, rows_in
from leyden.data.tables.first_rows import first_rows, header_below, is_header_like, names_for
from leyden.data.tables.other_formats import utf8_remedy
from leyden.data.tables.remedies import new_header, separator_setting, zero_bytes_remedy
from leyden.system.errors import UserError

_MARK = b"\xef\xbb\xbf"  # with which some programs begin a file of UTF-8
_LONGEST = 1 << 18  # bytes of a header with line ends in quotes
_LINES = 50  # that are searched for the header of a further file
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """Columns of a file, and the position of its first row.

    Attributes:
        names: of the columns, all different; those without a name are called column_1, ... by their position.
        unnamed: the names given to columns without one.
        separator: between fields, one character.
        begin: the byte at which the rows begin.
        line: the line, from 1, on which they begin.
        renamed: names that occur several times.
        may_continue: True if the first row may be part of the header, such as units.
    """

    names: list[str]
    unnamed: frozenset[str]
    separator: str
    begin: int
    line: int
    renamed: tuple[str, ...] = ()
    may_continue: bool = False

    def rows(self, content: Content) -> Iterator[tuple[int, list[str] | str]]:
        """The line of each row, and its fields or the mistake in it: see `rows_in`."""
        return rows_in(lines_in(content, self.begin), self.line, len(self.names), self.separator)


def read_header(
    path: Path,
    content: Content,
    separator: str,
    skip_lines: int = 0,
    used: Sequence[str] = (),
    search: bool = False,
) -> Header:
    """The header of a file.

    Blank lines above it are skipped, and a line `sep=;`, as Excel writes it, names the separator. Where rows have one
    field more than the header, as R's write.table writes them, the first column has no name; if the last field of each
    row is empty, that column has none.

    Args:
        separator: between fields, one character, or BLANKS.
        skip_lines: lines above the header.
        used: names of the columns that are used.
        search: True to search further below and with other separators for a header with these. This is for a further
            file of the same data, which may lack what was above the header of the first.

    Raises:
        UserError: there is no header, or it cannot be what it seems.
    """
    try:
        header = _read_header(path, content, separator, skip_lines, used, search)
        if not search or set(used) <= set(header.names):
            return header
    except UserError:
        found = _found(path, content, separator, used) if search else None
        if found is None:
            raise
        return found
    return _found(path, content, separator, used) or header


def _found(path: Path, content: Content, separator: str, used: Sequence[str]) -> Header | None:
    """The header with all of these columns on another line or with another separator, if there is one."""
    for other in dict.fromkeys([separator, *(_SEPARATORS if separator != BLANKS else ())]):
        for number, line in zip(range(_LINES), lines_in(content), strict=False):
            if number and not all(name.encode() in line for name in used):
                continue  # most need not be parsed
            try:
                header = _read_header(path, content, other, number, used, search=True)
            except UserError:
                continue
            if set(used) <= set(header.names):
                return header
    return None


def _read_header(
    path: Path, content: Content, separator: str, skip_lines: int, used: Sequence[str], search: bool
) -> Header:
    separator = "\t" if separator == BLANKS else separator
    if len(separator.encode()) != 1 or separator in '"\r\n':
        raise UserError(
            f"data.separator={separator!r}: must be one character, and neither a quote nor a line end; or "
            f"'data.separator={BLANKS}' for columns that are aligned by blanks"
        )
    if not len(content):
        raise UserError(f"{path}: is empty")
    begin, line = len(_MARK) if content[:3] == _MARK else 0, 1
    for text in lines_in(content, begin):
        stated = re.fullmatch(rb"(?i)\"?sep=(.)\"?\s*", text) if line == 1 else None
        if line > skip_lines and text.strip() and not stated:
            break
        separator = stated[1].decode("latin1") if stated else separator
        begin, line = begin + len(text), line + 1
    if begin >= len(content):
        what = f"data.skip_lines={skip_lines}: {path} has no line below these" if skip_lines else f"{path}: is empty"
        raise UserError(what)
    taken, names = _record(path, content, begin, line, separator)
    after, place = begin + len(taken), f"{path}, line {line}"
    rows_line = line + taken.count(b"\n") + (not taken.endswith(b"\n"))
    rows, shown = first_rows(content, after, separator), taken.decode().strip()[:60].strip()
    row = header_below(names, rows)
    if row is not None:
        what = "a comment" if names[0].startswith("#") else "a title"
        filled = sum(map(bool, names))
        count = f"has {filled} field{'s' * (filled > 1)}, and the lines below have {len(rows[row][1])}"
        skip = rows_line + rows[row][0] - 1
        raise UserError(f"{place}: {count}; if it is {what} above the header, add data.skip_lines={skip}")
    if len(names) == 1 and names[0] not in used:
        other = separator_setting(shown, separator, next(lines_in(content, after), b"").decode(errors="replace"))
        if other:
            raise UserError(f"{place}: has one column, {shown}; if that is several, add {other}")
    names = names_for(names, rows)
    if all(map(is_number, names)) and not (set(used) & set(names) and (search or _count_up(names))):
        raise UserError(
            f"{place}: holds numbers ({shown}); the first line must name the columns; "
            f"write names above them: {new_header(path, len(names), separator)}"
        )
    unique, unnamed, twice = unique_names(names)
    return Header(unique, unnamed, separator, after, rows_line, twice, is_header_like(rows))


def _record(path: Path, content: Content, begin: int, line: int, separator: str) -> tuple[bytes, list[str]]:
    """Bytes of the header, several lines if a name in quotes has line ends, and the names in it.

    Raises:
        UserError: it is not UTF-8, holds zero bytes, or a quote is left open.
    """
    taken = b""
    for part in lines_in(content, begin):
        taken += part
        if taken.count(b'"') % 2 == 0 or len(taken) > _LONGEST:
            break
    if taken.count(b'"') % 2:  # left open: the mistake is on the first line
        taken = next(lines_in(content, begin))
    if re.search(rb"[\x01-\x08\x0e-\x1a]", taken):
        raise UserError(f"{path}, line {line}: holds control characters; this is no CSV file")
    if b"\0" in taken:
        raise UserError(f"{path}, line {line}: holds zero bytes; {zero_bytes_remedy(path)}")
    try:
        text = taken.decode()
    except UnicodeDecodeError as error:
        at = line + taken.count(b"\n", 0, error.start)
        raise UserError(f"{path}, line {at}: is not UTF-8; {utf8_remedy(path, taken)}") from None
    try:
        names = fields_in(text, separator)
    except csv.Error:
        other = separator_setting(re.sub('"[^"]*"', "n", text), separator, "")
        several = f"or, if fields are separated otherwise, add {other}" if other else "close it"
        raise UserError(f"{path}, line {line}: a quote is left open or stands within a field; {several}") from None
    return taken, names


def _count_up(names: list[str]) -> bool:
    """True if the names are consecutive whole numbers, such as years."""
    return all(map(str.isdecimal, names)) and all(int(after) - int(before) == 1 for before, after in pairwise(names))
