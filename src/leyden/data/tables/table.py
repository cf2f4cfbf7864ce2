"""CSV files: read a block of rows at a time, checked on the way, every mistake named by file, line and column."""

import mmap
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from itertools import islice
from pathlib import Path

import polars as pl

from leyden.data.tables.mistakes import blank_line, check_header
from leyden.data.tables.notation import Notation
from leyden.data.tables.reader import TableReader
from leyden.errors import UserError

_BLOCK = 1 << 24  # bytes: what is read at once, so that memory stays near the size of the numbers


def read_table(
    path: Path,
    separator: str = ",",
    notation: Notation | None = None,
    is_text: Callable[[str], bool] = lambda name: False,
) -> pl.DataFrame:
    """Read a CSV file with a header: numbers as floats, dates of ISO 8601 as dates, anything else as text.

    A column holds numbers if all its values are numbers. They are 32 bits wide where nothing that matters is lost by
    it, which is where their range is more than a thousandth of their size. Lines with nothing on them are
    passed over, and times of a time zone are read in UTC.

    Args:
        path: UTF-8. A field in double quotes may hold separators and line ends.
        separator: between fields, one character.
        notation: of numbers, dates and missing values; formats that are found are added to it.
        is_text: whether a column is text even where it looks like numbers; it is not checked then.

    Raises:
        UserError: the file is not there or cannot be read, or what stands at a line and column does not hold.
    """
    try:
        with path.open("rb", buffering=0) as file:
            header = check_header(path, file, separator)
            reader = TableReader(path, header, separator, notation or Notation(), is_text)
            frames = list(_side_by_side(reader.read, _blocks(file, separator)))
    except (FileNotFoundError, IsADirectoryError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else "is a folder, not a CSV file"
        raise UserError(f"{path}: {what}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not any(map(len, frames)):
        raise UserError(f"{path}: has a header, but no rows")
    return reader.settled(pl.concat(frames, how="vertical_relaxed"))


def _blocks(file: FileIO, separator: str) -> Iterator[tuple[bytes, int]]:
    """Whole rows from where the file stands, about 16 MB at a time, and at which byte they begin."""
    blank_lines = re.compile(b"(?:" + blank_line(separator) + b")*")
    begin, size, wanted = file.tell(), os.fstat(file.fileno()).st_size, _BLOCK
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
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
            if hasattr(content, "madvise"):  # what was read need not stay in memory
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
