"""The first rows of a CSV file compared with its header, which may be elsewhere or lack columns."""

import csv
import io
from collections import Counter
from collections.abc import Sequence

from leyden.data.tables.column_names import is_number
from leyden.data.tables.content import Content
from leyden.data.tables.fields import bare_quotes, is_blank
from leyden.data.tables.notation import MISSING

Rows = Sequence[tuple[int, list[str]]]
_MOST = 100  # rows that are compared with the header
_BYTES = 1 << 18
_ABOVE = 20  # lines above a header that are looked at


def first_rows(content: Content, begin: int, separator: str) -> Rows:
    """The first rows from a position on, without blank lines, and the line of each, from 0."""
    part = content[begin : begin + _BYTES]
    if begin + len(part) < len(content):
        part = part[: part.rfind(b"\n") + 1]
    text = bare_quotes(part, separator).decode(errors="replace")
    csv.field_size_limit(max(_BYTES, 1 << 17))
    reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=separator), 0
    rows = list[tuple[int, list[str]]]()
    try:
        for fields in reader:
            if not is_blank(fields):
                rows.append((line, [field.strip() for field in fields]))
            line = reader.line_num
            if len(rows) == _MOST:
                break
    except csv.Error:  # reading the rows reports it
        pass
    return rows


def header_below(names: Sequence[str], rows: Rows) -> int | None:
    """Index of the row that is the header, if what seems to be the header is a title or a comment; None otherwise.

    A title has fewer fields than the rows, or as many of which most are empty, as spreadsheets write it. The header
    has text in most of its fields, with numbers below.
    """
    if not rows:
        return None
    width = Counter(len(fields) for _, fields in rows).most_common(1)[0][0]
    filled = sum(map(bool, names))
    comment = names[0].startswith("#") and len(names) != width
    if filled >= width - 1 and len(names) >= width and not comment:
        return None
    if _trailing(names, rows) or (filled * 2 > width and len(names) >= width and not comment):
        return None
    for number, (_, fields) in enumerate(rows[:_ABOVE]):
        if len(fields) == width and sum(map(bool, fields)) > max(filled, width // 2) - comment * width:
            below = [other for _, other in rows[number + 1 :] if len(other) == width]
            certain = len(names) < min(width - 1, 3) and not any(map(is_number, fields))  # not R's, one field shorter
            return number if certain or _above_numbers(fields, below) else None
    return None


def is_header_like(rows: Rows) -> bool:
    """True if the first row may be part of the header: no numbers, and text in a column of numbers."""
    first, *others = [fields for _, fields in rows] or [[]]
    return not any(map(is_number, first)) and len(others) > 1 and _above_numbers(first, others)


def _above_numbers(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """True if a row has text in a column that has numbers in all other rows."""
    for place, field in enumerate(first):
        column = [fields[place] for fields in others if len(fields) > place and fields[place] not in MISSING]
        if field not in MISSING and not is_number(field) and column and all(map(is_number, column)):
            return True
    return False


def names_for(names: list[str], rows: Rows) -> list[str]:
    """Names for all fields of the rows, if each row has one more or less than the header."""
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


def _trailing(names: Sequence[str], rows: Rows) -> int:
    """Number of fields that each row has more than the header, if all of these are empty; 0 otherwise."""
    widths = {len(fields) for _, fields in rows}
    if len(widths) > 1 or min(widths) <= len(names):
        return 0
    empty = all(not any(fields[len(names) :]) for _, fields in rows)
    return min(widths) - len(names) if empty else 0
