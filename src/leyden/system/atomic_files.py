"""Files that are replaced whole: a reader, a kill, a crash or a full disk never leaves half of one."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeGuard

from leyden.system.errors import UserError

_LEFTOVER = re.compile(r"\..+\.\d+\.tmp")


@contextmanager
def replacing(path: Path, older: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write, and to read back, that takes its name once it is complete and on the disk.

    If anything goes wrong before, the file that has the name stays as it is.

    Args:
        path: the name.
        older: where the file that has the name now is kept, in place of what is there. At every moment one of the
            two names holds a whole file, if `path` did: both do where the file system knows hard links.

    Raises:
        OSError: as the system calls do; the file that is replaced is then under one of the two names.
    """
    temporary = _hidden(path)
    temporary.unlink(missing_ok=True)  # never opened: what a killed process left may be a link to a file that counts
    file = temporary.open("x+b")
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        if older is not None:
            _keep(path, older)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            file.close()  # which tries to write what a full disk refused
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text, in UTF-8.

    Raises:
        OSError: it cannot be written; the old file is untouched.
    """
    with replacing(path) as file:
        file.write(text.encode())


def is_full(error: BaseException | None) -> TypeGuard[OSError]:
    """Whether a disk, a quota or a limit refused to take more."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk(error: BaseException | None, path: object, remedy: str) -> UserError | None:
    """What to say in place of an error that stands for a full disk; None for any other.

    Lightning's TensorBoard logger, for one, raises an error of its own from the one that says so.
    """
    while error is not None and not isinstance(error, UserError) and not is_full(error):
        error = error.__cause__
    if not is_full(error):
        return None
    return UserError(f"{path}: cannot be written ({error.strerror}); free some space, then: {remedy}")


def previous(path: Path) -> Path:
    """Where the checkpoint is that a name stood for before it was saved again."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def current(older: Path) -> Path:
    """Name of the checkpoint that `previous` gives this name for: the inverse of it."""
    return older.with_name(older.name.removesuffix(f".previous{older.suffix}") + older.suffix)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of processes that were killed while they wrote. Nobody may be writing there now."""
    for path in folder.glob(".*.tmp"):
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _keep(path: Path, older: Path) -> None:
    """Let `older` name the file that `path` names."""
    if not path.exists():
        return
    link = _hidden(older)
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links: for a moment there is only `older`
        os.replace(path, older)
        return
    try:
        os.replace(link, older)
    finally:
        link.unlink(missing_ok=True)  # POSIX: a rename between two links of one file does nothing, and leaves both


def _sync(folder: Path) -> None:
    """Put the names in a folder on the disk, so that they outlive a crash of the machine."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folder
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that sync no folders, over a network
            raise
    finally:
        os.close(handle)
