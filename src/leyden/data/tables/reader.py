"""CSV files: read a block of rows at a time, checked on the way, every mistake named by file, line and column."""

import logging
import mmap
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from leyden.data.tables.block_reader import TableReader
from leyden.data.tables.content import Content, opened
from leyden.data.tables.fields import blank_line
from leyden.data.tables.header import Header, read_header
from leyden.data.tables.notation import Notation
from leyden.data.tables.remedies import no_rows, without_line
from leyden.data.tables.unnamed_columns import without_counters
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
_BLOCK = 1 << 24  # bytes: what is read at once, so that memory stays near the size of the numbers


def read_table(
    path: Path,
    separator: str = ",",
    notation: Notation | None = None,
    is_text: Callable[[str], bool] = lambda name: False,
    skip_lines: int = 0,
    wanted: Callable[[str], bool | None] = lambda name: None,
    is_input: Callable[[str], bool] = lambda name: True,
    asked: Sequence[str] = (),
    search: bool = False,
) -> pl.DataFrame:
    """Read a CSV file with a header: numbers as floats, dates of ISO 8601 as dates, anything else as text.

    A column holds numbers if all its values are numbers. They are 32 bits wide where that is enough: see `are_narrow`.
    Lines with nothing on them are passed over, and times of a time zone are read in UTC.

    Args:
        path: UTF-8, may be compressed by gzip, bzip2 or xz. A field in double quotes may hold separators and line ends.
        separator: between fields, one character, or `\\s+` for columns that are aligned by blanks.
        notation: of numbers, dates and missing values; formats that are found are added to it.
        is_text: whether a column is text even where it looks like numbers; it is not checked then.
        skip_lines: lines above the header.
        wanted: whether a column without a name is kept; None to decide, see `without_counters`.
        is_input: whether a column may be predicted from, likewise.
        asked: columns that are used.
        search: whether a header without these is looked for elsewhere, see `read_header`.

    Raises:
        UserError: the file is not there or cannot be read, or what stands at a line and column does not hold.
    """
    with opened(path, separator) as content:
        header = read_header(path, content, separator, skip_lines, asked, search)
        return read_content(path, content, header, notation or Notation(), is_text, wanted, is_input)


def names_in(path: Path, reading: Mapping[str, Any], asked: Sequence[str]) -> list[str]:
    """The names of the columns of a file, and a warning if some stand there several times.

    Args:
        path: of the file.
        reading: how it is read: separator and skip_lines.
        asked: columns that are used.

    Raises:
        UserError: as `read_header` does.
    """
    with opened(path, reading["separator"], most=_BLOCK) as content:
        header = read_header(path, content, reading["separator"], reading["skip_lines"], asked)
    if header.renamed:
        log.warning(
            "%s: several columns are named %s; the further ones are read as %s_2, ...",
            path,
            ", ".join(header.renamed),
            header.renamed[0],
        )
    return header.names


def read_content(
    path: Path,
    content: Content,
    header: Header,
    notation: Notation,
    is_text: Callable[[str], bool],
    wanted: Callable[[str], bool | None],
    is_input: Callable[[str], bool] = lambda name: True,
) -> pl.DataFrame:
    """The rows of a file whose header was read: see `read_table`."""
    reader = TableReader(path, content, header, notation, is_text)
    try:
        frames = list(_side_by_side(reader.read, _blocks(content, header.begin, header.separator)))
        if not any(map(len, frames)):
            raise no_rows(path, header.line)
        table = pl.concat(frames, how="vertical_relaxed")
        return reader.settled(without_counters(path, header, table, wanted, is_input, reader.missing))
    except UserError as error:
        if not header.goes_on or f"line {header.line}:" not in str(error):
            raise
        edit = without_line(path, header.line)
        raise UserError(
            f"{path}, line {header.line}: seems to be part of the header, with text where numbers stand below; "
            f"if it names the columns, add data.skip_lines={header.line - 1}; if it holds units, remove it: {edit}"
        ) from error


def _blocks(content: Content, begin: int, separator: str) -> Iterator[tuple[bytes, int]]:
    """Whole rows from a place on, about 16 MB at a time, and at which byte they begin."""
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
        rows = block[blank.end() :] if blank else block  # what stands in the first tells how many columns there are
        if rows:
            yield rows, begin - len(rows)
        if isinstance(content, mmap.mmap) and hasattr(content, "madvise"):  # what was read need not stay in memory
            read = begin // mmap.PAGESIZE * mmap.PAGESIZE
            if read:
                content.madvise(mmap.MADV_DONTNEED, 0, read)


def _end_of_rows(block: bytes) -> int:
    """Behind the last line end that does not lie between quotes; 0 if there is none."""
    end = block.rfind(b"\n") + 1
    inside = block.count(b'"', 0, end) % 2
    while inside and end:
        line = block.rfind(b"\n", 0, end - 1) + 1
        inside ^= block.count(b'"', line, end) % 2
        end = line
    return end


def _side_by_side(
    read: Callable[[bytes, int], pl.DataFrame], blocks: Iterator[tuple[bytes, int]]
) -> Iterator[pl.DataFrame]:
    """Reads two blocks at a time, in their order: the parts of the work that have one thread then fill both."""
    yield from (read(*block) for block in islice(blocks, 1))  # it decides what the columns hold
    pending: deque[Future[pl.DataFrame]] = deque()
    with ThreadPoolExecutor(3) as pool:
        for block in blocks:
            pending.append(pool.submit(read, *block))
            if len(pending) > 2:
                yield pending.popleft().result()
        yield from (future.result() for future in pending)
