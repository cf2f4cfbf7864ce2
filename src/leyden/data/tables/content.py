"""Content of a CSV file as it is parsed: decompressed, with line ends of Unix or Windows, separated by one character.

Most files are mapped into memory as they are. If something must be changed, a temporary file with the same lines is
mapped instead.
"""

import mmap
import re
import sys
import tempfile
import zlib
from bz2 import BZ2File
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from gzip import BadGzipFile, GzipFile
from io import BufferedIOBase
from lzma import LZMAError, LZMAFile
from pathlib import Path
from typing import BinaryIO

from leyden.data.tables.fields import BLANKS
from leyden.data.tables.other_formats import HEAD, refuse_other_formats
from leyden.data.tables.remedies import compression_of
from leyden.system.errors import UserError

Content = mmap.mmap | bytes
_STEP = 1 << 20  # bytes that are read at once
_FILES: dict[str, type[GzipFile | BZ2File | LZMAFile]] = {"gzip": GzipFile, "bzip2": BZ2File, "xz": LZMAFile}


@contextmanager
def open_content(path: Path, separator: str, most: int | None = None) -> Iterator[Content]:
    """Context with the bytes of a table.

    Args:
        path: of the file; it is decompressed if it is one of gzip, bzip2 or xz by its first bytes.
        separator: between fields. In place of BLANKS, fields are separated by tabs in the result.
        most: bytes that are needed, if the file has to be copied; None for all.

    Raises:
        UserError: the file does not exist or cannot be read, or has another format, such as a spreadsheet.
    """
    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            head = file.read(HEAD)
            if compression := compression_of(head):
                unpacked = stack.enter_context(_FILES[compression](path))
                file = stack.enter_context(_copied(_parts(unpacked, most)))
                head = file.read(HEAD)
            refuse_other_formats(path, head)
            file.seek(0)
            if b"\r" in head and b"\n" not in head and not any(b"\n" in part for part in _parts(file)):
                file.seek(0)
                parts = _parts(file, most)
                file = stack.enter_context(_copied(part.replace(b"\r", b"\n") for part in parts))
            if separator == BLANKS:
                file.seek(0)
                file = stack.enter_context(_copied(map(_with_tabs, file if most is None else file.readlines(most))))
            content = _mapped(file)
        except (FileNotFoundError, IsADirectoryError) as error:
            what = "there is no such file" if isinstance(error, FileNotFoundError) else "is a folder, not a CSV file"
            raise UserError(f"{path}: {what}") from None
        except (EOFError, zlib.error, LZMAError, BadGzipFile) as error:
            raise UserError(
                f"{path}: cannot be decompressed ({error}); copy or download the file again, it may be incomplete"
            ) from error
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
        if isinstance(content, mmap.mmap):
            stack.enter_context(content)
        yield content


def lines_in(content: Content, begin: int = 0) -> Iterator[bytes]:
    """Lines from a position on, with their line ends."""
    size = len(content)
    while begin < size:
        end = content.find(b"\n", begin) + 1 or size
        yield content[begin:end]
        begin = end


def count_lines(content: Content, begin: int, end: int) -> int:
    """Number of lines that end between two positions."""
    return sum(content[at : min(at + _STEP, end)].count(b"\n") for at in range(begin, end, _STEP))


def _parts(file: BinaryIO | BufferedIOBase, most: int | None = None) -> Iterator[bytes]:
    """The rest of a file, or at most so many bytes of it, in parts."""
    left = sys.maxsize if most is None else most
    while left > 0 and (part := file.read(min(_STEP, left))):
        left -= len(part)
        yield part


@contextmanager
def _copied(parts: Iterator[bytes]) -> Iterator[BinaryIO]:
    """Context with a temporary file of these parts, at its beginning."""
    with tempfile.TemporaryFile() as file:
        file.writelines(parts)
        file.seek(0)
        yield file


def _mapped(file: BinaryIO) -> Content:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # it is empty
        return b""


def _with_tabs(line: bytes) -> bytes:
    """A line with a tab in place of each run of blanks outside of quotes, and none at its ends."""
    text = line.rstrip(b"\r\n")
    end = line[len(text) :]
    text = text.strip(b" \t")
    if b'"' not in text:
        return b"\t".join(text.split()) + end
    return re.sub(rb'("(?:[^"]|"")*+"?)|[ \t]+', lambda match: match[1] or b"\t", text) + end
