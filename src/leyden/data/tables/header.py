"""The header of a CSV file: the names of its columns, and where its rows begin."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from leyden.data.tables.content import BLANKS, Content, lines_in
from leyden.data.tables.fields import bare_quotes, fields_in, is_blank
from leyden.data.tables.kinds import utf8_remedy
from leyden.data.tables.names import is_number, unique_names
from leyden.data.tables.remedies import new_header, separator_setting
from leyden.errors import UserError

_MARK = b"\xef\xbb\xbf"  # some programs begin a file of UTF-8 with it
_SAMPLE = 100  # rows that are compared with the header
_SAMPLE_BYTES = 1 << 18
_LINES = 50  # among which the header of a further file is looked for
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """Where the rows of a file begin, and their columns.

    Attributes:
        names: of the columns, each another; those without a name are called column_1, ... by their position.
        unnamed: the columns without a name, by the name that they got.
        separator: between fields, one character.
        begin: the byte at which the rows begin.
        line: the line, from 1, on which they begin.
        renamed: names that stand there several times.
    """

    names: list[str]
    unnamed: frozenset[str]
    separator: str
    begin: int
    line: int
    renamed: tuple[str, ...] = ()


def read_header(
    path: Path,
    content: Content,
    separator: str,
    skip_lines: int = 0,
    asked: Sequence[str] = (),
    search: bool = False,
) -> Header:
    """The header of a file.

    Blank lines above it are skipped, and a line `sep=;`, as Excel writes it, names the separator. Where rows have one
    field more than the header, as R's write.table writes them, the first column has no name; if the last field of each
    row is empty, that column has none.

    Args:
        path: of the file, to name it.
        content: of the file.
        separator: between fields, one character, or BLANKS.
        skip_lines: lines above the header.
        asked: columns that are used.
        search: whether a header without these is looked for further below and with other separators. This is for
            a further file of the same data, which may lack what was above the header of the first.

    Raises:
        UserError: there is no header, or it cannot be what it seems.
    """
    try:
        header = _read_header(path, content, separator, skip_lines, asked)
        if not search or set(asked) <= set(header.names):
            return header
    except UserError:
        found = _found(path, content, separator, asked) if search else None
        if found is None:
            raise
        return found
    return _found(path, content, separator, asked) or header


def _found(path: Path, content: Content, separator: str, asked: Sequence[str]) -> Header | None:
    """The header that names all of these columns, of further lines and separators."""
    for other in dict.fromkeys([separator, *(_SEPARATORS if separator != BLANKS else ())]):
        for number, line in zip(range(_LINES), lines_in(content), strict=False):
            if number and not all(name.encode() in line for name in asked):
                continue  # most are not worth to be parsed
            try:
                header = _read_header(path, content, other, number, asked)
            except UserError:
                continue
            if set(asked) <= set(header.names):
                return header
    return None


def _read_header(path: Path, content: Content, separator: str, skip_lines: int, asked: Sequence[str]) -> Header:
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
        stated = text.lower().strip().removeprefix(b"sep=") if line == 1 and text.lower().startswith(b"sep=") else b""
        if line > skip_lines and text.strip() and len(stated) != 1 and text.strip() != b"sep=":
            break
        if stated or text.strip(b"\r\n").lower() == b"sep=\t":
            separator = stated.decode("latin1") or "\t"
        begin, line = begin + len(text), line + 1
    if begin >= len(content):
        what = f"data.skip_lines={skip_lines}: {path} has no line below these" if skip_lines else f"{path}: is empty"
        raise UserError(what)
    texts, names = _record(path, content, begin, line, separator)
    after, rows = begin + len(texts), _sample(content, begin + len(texts), separator)
    rows_line = line + texts.count(b"\n") + (not texts.endswith(b"\n"))
    place = f"{path}, line {line}"
    widths = Counter(len(fields) for _, fields in rows)
    width = widths.most_common(1)[0][0] if widths else len(names)
    shown = texts.decode().strip()[:60].strip()
    if rows and _is_title(names, rows, width):
        header_line = rows_line + next(number for number, fields in rows if len(fields) == width)
        what = "a comment" if names[0].startswith("#") else "a title"
        count = f"has {len(names)} field{'s' * (len(names) > 1)}, and the lines below have {width}"
        raise UserError(f"{place}: {count}; if it is {what} above the header, add data.skip_lines={header_line - 1}")
    if len(names) == 1 and not (asked and names[0] in asked):
        _check_separator(place, shown, separator, [text for text, _ in _texts(content, after)])
    names = _fitted(names, rows)
    if all(map(is_number, names)) and not _are_names(names, asked):
        raise UserError(
            f"{place}: holds numbers ({shown}); the first line must name the columns; "
            f"write names above them: {new_header(path, len(names), separator)}"
        )
    unique, unnamed, twice = unique_names(names)
    return Header(unique, unnamed, separator, after, rows_line, twice)


def _record(path: Path, content: Content, begin: int, line: int, separator: str) -> tuple[bytes, list[str]]:
    """The line of the header, or the lines if a name in quotes has several; and the names.

    Raises:
        UserError: it is not UTF-8, holds zero bytes, or a quote is left open.
    """
    taken = b""
    for part in lines_in(content, begin):
        taken += part
        if taken.count(b'"') % 2 == 0 or len(taken) > _SAMPLE_BYTES:
            break
    if taken.count(b'"') % 2:  # left open: the mistake lies on the first line
        taken = next(lines_in(content, begin))
    if b"\0" in taken:
        raise UserError(f"{path}, line {line}: holds zero bytes; this is no CSV file")
    try:
        text = taken.decode()
    except UnicodeDecodeError as error:
        at = line + taken.count(b"\n", 0, error.start)
        raise UserError(f"{path}, line {at}: is not UTF-8; {utf8_remedy(path, taken)}") from None
    try:
        names = fields_in(text, separator)
    except csv.Error:
        raise UserError(f"{path}, line {line}: a quote is left open; close it") from None
    return taken, names


def _texts(content: Content, begin: int) -> Iterator[tuple[str, int]]:
    for number, line in zip(range(_SAMPLE), lines_in(content, begin), strict=False):
        yield line.decode(errors="replace").strip("\r\n"), number


def _sample(content: Content, begin: int, separator: str) -> list[tuple[int, list[str]]]:
    """The first rows, without blank lines, each with its line, from 0."""
    part = content[begin : begin + _SAMPLE_BYTES]
    if begin + len(part) < len(content):
        part = part[: part.rfind(b"\n") + 1]
    text = bare_quotes(part, separator).decode(errors="replace")
    csv.field_size_limit(max(_SAMPLE_BYTES, 1 << 17))
    reader, rows, line = (
        csv.reader(io.StringIO(text, newline=""), delimiter=separator),
        list[tuple[int, list[str]]](),
        0,
    )
    try:
        for fields in reader:
            if not is_blank(fields):
                rows.append((line, [field.strip() for field in fields]))
            line = reader.line_num
            if len(rows) == _SAMPLE:
                break
    except csv.Error:  # reading the rows says what is wrong
        pass
    return rows


def _is_title(names: list[str], rows: list[tuple[int, list[str]]], width: int) -> bool:
    """Whether the header seems to follow below: the rows have more fields than these, and begin with names."""
    number, first = next((number, fields) for number, (_, fields) in enumerate(rows) if len(fields) == width)
    if len(names) >= width:
        return names[0].startswith("#") and len(names) != width and _are_texts(first)
    if len(names) < width - 1 and _trailing(names, rows) == 0:
        return _are_texts(first) or number > 0 or len(rows) == 1
    below = [fields for _, fields in rows[number + 1 :] if len(fields) == width]
    return _are_texts(first) and any(map(is_number, below[0] if below else ()))


def _are_texts(fields: list[str]) -> bool:
    """Whether these may be the names of columns."""
    return sum(map(bool, fields)) > len(fields) // 2 and not any(map(is_number, fields))


def _fitted(names: list[str], rows: list[tuple[int, list[str]]]) -> list[str]:
    """The names for all fields of the rows, where there is one more or less in each row."""
    if not rows:
        return names
    extra = _trailing(names, rows)
    if extra:
        return names + [""] * extra
    if all(len(fields) == len(names) + 1 for _, fields in rows):
        return ["", *names]
    lacking = 0
    while lacking < len(names) and not names[-1 - lacking]:
        lacking += 1
    if lacking and len({len(fields) for _, fields in rows}) == 1:
        width = len(rows[0][1])
        return names[:width] if len(names) - lacking <= width < len(names) else names
    return names


def _trailing(names: list[str], rows: list[tuple[int, list[str]]]) -> int:
    """How many fields each row has more than the header, if all of these are empty."""
    widths = {len(fields) for _, fields in rows}
    if len(widths) > 1 or min(widths) <= len(names):
        return 0
    empty = all(not any(fields[len(names) :]) for _, fields in rows)
    return min(widths) - len(names) if empty else 0


def _check_separator(place: str, shown: str, separator: str, rows: list[str]) -> None:
    """Refuse a single column that would be several if another separator were set."""
    other = separator_setting(shown, separator, next((row for row in rows if row.strip()), ""))
    if other:
        raise UserError(f"{place}: has one column, {shown}; if that is several, add {other}")


def _are_names(names: list[str], asked: Sequence[str]) -> bool:
    """Whether numbers are names of columns: a setting names one of them, and they count up, as years do."""
    if not any(name in asked for name in names) or not all(name.isdecimal() for name in names):
        return False
    numbers = [int(name) for name in names]
    return all(after - before == 1 for before, after in pairwise(numbers))
