"""CSV files: read a block of rows at a time, checked on the way, every mistake named by file, line and column."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import SEEK_CUR, FileIO
from itertools import islice
from pathlib import Path

import polars as pl

from leyden.data.table_mistakes import check_header
from leyden.data.table_reader import TableReader
from leyden.errors import UserError

_BLOCK = 1 << 24  # bytes: what is read at once, so that memory stays near the size of the numbers


def read_table(
    path: Path, separator: str = ",", missing: Sequence[str] = (), is_text: Callable[[str], bool] = lambda name: False
) -> pl.DataFrame:
    """Read a CSV file with a header: numbers as floats, dates as dates, anything else as text.

    A column holds numbers if all its values are numbers. They are 32 bits wide where nothing that matters is lost by
    it, which is where their range is more than a thousandth of their size. Blank lines are passed over.

    Args:
        path: UTF-8. A field in double quotes may hold separators and line ends.
        separator: between fields, one character.
        missing: what stands for a missing value, beside the usual words.
        is_text: whether a column is text even where it looks like numbers; it is not checked then.

    Raises:
        UserError: the file is not there or cannot be read, or what stands at a line and column does not hold.
    """
    try:
        with path.open("rb", buffering=0) as file:
            header = check_header(path, file, separator)
            reader = TableReader(path, header, separator, missing, is_text)
            frames = list(_side_by_side(reader.read, _blocks(file, path.stat().st_size)))
    except (FileNotFoundError, IsADirectoryError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else "is a folder, not a CSV file"
        raise UserError(f"{path}: {what}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not any(map(len, frames)):
        raise UserError(f"{path}: has a header, but no rows")
    return reader.settled(pl.concat(frames, how="vertical_relaxed"))


def _blocks(file: FileIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Whole rows, about 16 MB at a time, and where in the file they begin."""
    wanted = _BLOCK
    while block := file.read(wanted):
        end = len(block) if file.tell() >= size else _end_of_rows(block)
        file.seek(end - len(block), SEEK_CUR)
        wanted = _BLOCK if end else 2 * wanted  # one row may be longer than a block
        rows = block[:end].lstrip(b"\r\n")  # what stands in the first line tells how many columns there are
        if rows:
            yield rows, file.tell() - len(rows)


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
    with ThreadPoolExecutor(2) as pool:
        for block in blocks:
            pending.append(pool.submit(read, *block))
            if len(pending) > 1:
                yield pending.popleft().result()
        yield from (future.result() for future in pending)
