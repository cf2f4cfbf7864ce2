"""Reading of CSV files: a block of rows at a time, with each mistake reported by file, line and column."""

import logging
import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from leyden.data.tables.block_reader import BlockReader
from leyden.data.tables.content import Content, open_content
from leyden.data.tables.fields import blank_line
from leyden.data.tables.header import Header, read_header
from leyden.data.tables.notation import Notation
from leyden.data.tables.remedies import no_rows, without_line
from leyden.data.tables.unnamed_columns import without_counters
from leyden.data.threads import map_ahead
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
_BLOCK = 1 << 24  # bytes that are read at once, so that memory stays near the size of the numbers


def read_table(
    path: Path,
    separator: str = ",",
    notation: Notation | None = None,
    is_text: Callable[[str], bool] = lambda name: False,
    skip_lines: int = 0,
    wanted: Callable[[str], bool | None] = lambda name: None,
    is_input: Callable[[str], bool] = lambda name: True,
    used: Sequence[str] = (),
    search: bool = False,
) -> pl.DataFrame:
    """Read a CSV file with a header: numbers as floats, dates of ISO 8601 as dates, anything else as text.

    A column holds numbers if all its values are numbers, of 32 bits if these suffice: see `are_narrow`. Blank lines are
    skipped, and times of a time zone are read in UTC.

    Args:
        path: UTF-8, may be compressed by gzip, bzip2 or xz. A field in double quotes may hold separators and line ends.
        separator: between fields, one character, or `\\s+` for columns that are aligned by blanks.
        notation: of numbers, dates and missing values; formats that are found are added to it.
        is_text: True for a column that is text even if it looks like numbers; it is not checked then.
        skip_lines: lines above the header.
        wanted: True for a column without a name that is kept, False for others; None to decide: see `without_counters`.
        is_input: True for a column that may be predicted from, for the same decision.
        used: names of the columns that are used.
        search: True to search elsewhere for a header with these: see `read_header`.

    Raises:
        UserError: the file does not exist or cannot be read, or the value at a line and column is wrong.
    """
    with open_content(path, separator) as content:
        header = read_header(path, content, separator, skip_lines, used, search)
        return read_content(path, content, header, notation or Notation(), is_text, wanted, is_input)


def read_names(path: Path, separator: str, skip_lines: int, used: Sequence[str]) -> list[str]:
    """The names of the columns of a file, with a warning if several are the same. The arguments are as above."""
    with open_content(path, separator, most=_BLOCK) as content:
        header = read_header(path, content, separator, skip_lines, used)
    if header.renamed:
        log.warning(
            "%s: several columns are named %s; the further ones are read as %s_2, ...",
            path,
            ", ".join(header.renamed),
            header.renamed[0],
        )
    return header.names


def lines_of(
    path: Path,
    targets: Sequence[str],
    notation: Notation,
    separator: str,
    skip_lines: int,
    search: bool,
    are_text: bool = False,
) -> list[int]:
    """The line, from 1, of each row that has all targets, in a file that was read without a mistake.

    Args:
        are_text: True if the targets are classes: a number that stands for a missing value does so only as text.

    The other arguments are as above.
    """
    with open_content(path, separator) as content:
        header = read_header(path, content, separator, skip_lines, targets, search)
        places = [header.names.index(name) for name in targets]
        found = ((line, fields) for line, fields in header.rows(content) if not isinstance(fields, str))
        rows = [(line, *(fields[place] for place in places)) for line, fields in found]
    table = pl.DataFrame(rows, schema={"line": pl.Int64, **{str(place): pl.String for place in places}}, orient="row")
    for column in table[:, 1:]:
        text = notation.without_missing(column)
        is_there = text.is_not_null()
        if not are_text:
            is_there &= ~notation.numbers(text).is_in(notation.missing_numbers).fill_null(False)
        table = table.with_columns(is_there.alias(column.name))
    return table.filter(pl.all_horizontal(pl.exclude("line")))["line"].to_list()


def read_content(
    path: Path,
    content: Content,
    header: Header,
    notation: Notation,
    is_text: Callable[[str], bool],
    wanted: Callable[[str], bool | None],
    is_input: Callable[[str], bool] = lambda name: True,
) -> pl.DataFrame:
    """The rows of a file whose header was read. The arguments are as above."""
    reader = BlockReader(path, content, header, notation, is_text)
    try:
        blocks = _blocks(content, header.begin, header.separator)
        frames = [reader.read(*block) for block in islice(blocks, 1)]  # it decides what the columns hold
        # several blocks at a time, as some of the work has one thread only
        frames += map_ahead(lambda block: reader.read(*block), blocks, threads=3, ahead=2)
        if not any(map(len, frames)):
            raise no_rows(path, header.line)
        table = pl.concat(frames, how="vertical_relaxed")
        return reader.settled(without_counters(path, header, table, wanted, is_input, notation.words))
    except UserError as error:
        if not header.may_continue or f"line {header.line}:" not in str(error):
            raise
        edit = without_line(path, header.line)
        raise UserError(
            f"{path}, line {header.line}: seems to be part of the header, with text where numbers stand below; "
            f"if it names the columns, add data.skip_lines={header.line - 1}; if it holds units, remove it: {edit}"
        ) from error


def _blocks(content: Content, begin: int, separator: str) -> Iterator[tuple[bytes, int]]:
    """Whole rows from a place on, about 16 MB at a time, and the byte at which they begin."""
    blank_lines = re.compile(b"(?:" + blank_line(separator) + b")*")
    size, wanted = len(content), _BLOCK
    while begin < size:
        stop = min(begin + wanted, size)
        end = size if stop == size else content.rfind(b"\n", begin, stop) + 1
        block = content[begin:end]
        if end < size and b'"' in block:
            block = block[: _end_of_rows(block)]
        wanted = _BLOCK if block else 2 * wanted  # one row may be longer than a block
        begin += len(block)
        blank = blank_lines.match(block)
        rows = block[blank.end() :] if blank else block  # the first row determines the number of columns
        if rows:
            yield rows, begin - len(rows)
        if isinstance(content, mmap.mmap) and hasattr(content, "madvise"):  # parsed bytes need not stay in memory
            read = begin // mmap.PAGESIZE * mmap.PAGESIZE
            if read:
                content.madvise(mmap.MADV_DONTNEED, 0, read)


def _end_of_rows(block: bytes) -> int:
    """The position after the last line end outside of quotes; 0 if there is none."""
    end = block.rfind(b"\n") + 1
    inside = block.count(b'"', 0, end) % 2
    while inside and end:
        line = block.rfind(b"\n", 0, end - 1) + 1
        inside ^= block.count(b'"', line, end) % 2
        end = line
    return end
