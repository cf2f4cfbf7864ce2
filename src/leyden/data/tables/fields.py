"""Fields of the rows of a CSV file as text."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

BLANKS = r"\s+"
"""The separator of columns that are aligned by blanks: a run of blanks and tabs separates two fields."""

_LONGEST = 1 << 17  # characters that a quote may be open


def fields_in(text: str, separator: str) -> list[str]:
    """The fields of one row, without blanks around them and around their quotes.

    Raises:
        csv.Error: a quote is left open, or does not begin or end a field.
    """
    text = bare_quotes(text.encode(), separator).decode().rstrip("\r\n")
    csv.field_size_limit(max(len(text), 1 << 17))
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True))
    if len(rows) > 1:
        raise csv.Error("line end outside of quotes")
    return [field.strip() for field in rows[0]] if rows else []


def bare_quotes(block: bytes, separator: str) -> bytes:
    """Whole rows without the blanks between a separator and a quote: `a, "b" ,c` as `a,"b",c`.

    These quotes would not be recognised otherwise: in CSV, a quote counts only at the beginning of a field.
    """
    if b'"' not in block:
        return block
    seen, quoted = _patterns(separator)
    return quoted.sub(rb"\1\2", block) if seen.search(block) else block


@lru_cache
def _patterns(separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Patterns of quotes with blanks beside them, and of fields in quotes with the blanks around them."""
    between, blank = re.escape(separator.encode()), b"[%s]" % b" \t".replace(separator.encode(), b"")
    seen = re.compile(rb'(?m)(?:^|%s)%s+"|"%s+(?:%s|\r?$)' % (between, blank, blank, between))
    quoted = re.compile(rb'(?m)(^|%s)%s*("(?:[^"]|"")*+")%s*(?=%s|\r?$)' % (between, blank, blank, between))
    return seen, quoted


def rows_in(lines: Iterator[bytes], line: int, width: int, separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """The rows of a file, or the mistake in one, each with the line on which it begins. Blank lines are skipped.

    After a mistake, the next row begins on the next line: an open quote affects no other row.

    Args:
        lines: of the file, after its header.
        line: the number of the first.
        width: the number of columns.
    """
    ahead = deque[bytes]()
    while True:
        taken = list[bytes]()
        try:
            fields = _next_row(_recorded(lines, ahead, taken), separator)
            if fields is None:
                return
            if any("\0" in field for field in fields):
                raise ValueError
            if is_blank(fields) or len(fields) == width:
                if not is_blank(fields):
                    yield line, fields
                line += len(taken)
                continue
            fault = f"has {len(fields)} fields, too {'few' if len(fields) < width else 'many'} for {width} columns"
        except UnicodeDecodeError:
            fault = "is not UTF-8"
        except ValueError:
            fault = "holds a zero byte"
        except csv.Error:
            fault = "a quote is left open, or stands within a field"
        yield line, fault
        ahead.extendleft(reversed(taken[1:]))
        line += 1


def _next_row(lines: Iterator[bytes], separator: str) -> list[str] | None:
    """The fields of the row that begins with the next line; None at the end.

    Raises:
        csv.Error: a quote is left open, or does not end a field.
    """
    csv.field_size_limit(_LONGEST)
    first = next(lines, None)
    if first is None:
        return None
    if not _patterns(separator)[0].search(first):
        return next(csv.reader(map(bytes.decode, chain([first], lines)), delimiter=separator, strict=True))
    row = first  # with blanks beside a quote; only the whole row shows if they are within quotes
    while row.count(b'"') % 2:
        following = next(lines, None)
        if following is None or len(row) > _LONGEST:
            raise csv.Error("a quote is left open")
        row += following
    return fields_in(row.decode(), separator)


def _recorded(lines: Iterator[bytes], ahead: deque[bytes], taken: list[bytes]) -> Iterator[bytes]:
    """Lines, first those that must be read again; each is added to `taken`."""
    while (line := ahead.popleft() if ahead else next(lines, None)) is not None:
        taken.append(line)
        yield line


def is_blank(fields: list[str]) -> bool:
    """True if this is an empty line, or one of blanks only."""
    return not fields or (len(fields) == 1 and fields[0].isspace())


def blank_line(separator: str) -> bytes:
    """The pattern of an empty line, or one of blanks only."""
    blanks = " \t".replace(separator, "")
    return rf"[{blanks}]*\r?\n".encode()
