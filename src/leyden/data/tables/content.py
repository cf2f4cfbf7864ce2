"""The bytes of a CSV file as they are parsed: decompressed, with line ends of Unix or Windows, fields by one character.

Most files are mapped into memory as they are. Where something must be changed, a temporary file is mapped instead; it
has the same lines.
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

from leyden.data.tables.other_formats import HEAD, refuse_other_kinds
from leyden.system.errors import UserError

BLANKS = r"\s+"
"""The separator of columns that are aligned by blanks: a run of blanks and tabs separates two fields."""

Content = mmap.mmap | bytes
_STEP = 1 << 20  # bytes that are read at once
_COMPRESSED: dict[bytes, type[GzipFile | BZ2File | LZMAFile]] = {
    b"\x1f\x8b": GzipFile,
    b"BZh": BZ2File,
    b"\xfd7zXZ\x00": LZMAFile,
}


@contextmanager
def opened(path: Path, separator: str, most: int | None = None) -> Iterator[Content]:
    """The bytes of a table, for as long as the block lasts.

    Args:
        path: of the file; one that gzip, bzip2 or xz made is decompressed, whatever it is called.
        separator: between fields. Where it is BLANKS, fields are separated by tabs in what is returned.
        most: bytes that are needed, where the file has to be copied; None for all.

    Raises:
        UserError: the file is not there or cannot be read, or it is of another kind, such as a spreadsheet.
    """
    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            head = file.read(HEAD)
            unpack = next((unpack for magic, unpack in _COMPRESSED.items() if head.startswith(magic)), None)
            if unpack:
                unpacked = stack.enter_context(unpack(path))
                file = stack.enter_context(_copied(_parts(unpacked, most)))
                head = file.read(HEAD)
            refuse_other_kinds(path, head)
            file.seek(0)
            if b"\r" in head and b"\n" not in head and not _has(file, b"\n"):
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
    """The lines from a place on, with their ends."""
    size = len(content)
    while begin < size:
        end = content.find(b"\n", begin) + 1 or size
        yield content[begin:end]
        begin = end


def count_lines(content: Content, begin: int, end: int) -> int:
    """How many lines end between two places."""
    return sum(content[at : min(at + _STEP, end)].count(b"\n") for at in range(begin, end, _STEP))


def _parts(file: BinaryIO | BufferedIOBase, most: int | None = None) -> Iterator[bytes]:
    """The rest of a file, or so many bytes of it, a step at a time."""
    left = sys.maxsize if most is None else most
    while left > 0 and (part := file.read(min(_STEP, left))):
        left -= len(part)
        yield part


@contextmanager
def _copied(parts: Iterator[bytes]) -> Iterator[BinaryIO]:
    """A temporary file of these parts, to be read from its beginning."""
    with tempfile.TemporaryFile() as file:
        file.writelines(parts)
        file.seek(0)
        yield file


def _mapped(file: BinaryIO) -> Content:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # it is empty
        return b""


def _has(file: BinaryIO, byte: bytes) -> bool:
    return any(byte in part for part in _parts(file))


def _with_tabs(line: bytes) -> bytes:
    """A line with a tab in place of each run of blanks outside of quotes, and none at its ends."""
    text = line.rstrip(b"\r\n")
    end = line[len(text) :]
    text = text.strip(b" \t")
    if b'"' not in text:
        return b"\t".join(text.split()) + end
    return re.sub(rb'("(?:[^"]|"")*+"?)|[ \t]+', lambda match: match[1] or b"\t", text) + end
