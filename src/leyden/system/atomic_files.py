"""Atomic replacement of files: a kill, a crash or a full disk never leaves half of one, and no reader sees one."""

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
    """A file to write, and to read back, that gets its name once it is complete and on the disk.

    On any error before that, the existing file of that name stays unchanged.

    Args:
        path: the name.
        older: path under which the existing file is kept, replacing another. At every moment a complete file is at one
            of the two paths, if there was one: at both, if the file system has hard links.

    Raises:
        OSError: from the system calls; the existing file is then at one of the two paths.
    """
    temporary = _hidden(path)
    temporary.unlink(missing_ok=True)  # not opened: after a kill it may be a hard link to a complete file
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
            file.close()  # which writes the rest, and fails again on a full disk
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text, in UTF-8.

    Raises:
        OSError: it cannot be written; the old file is unchanged.
    """
    with replacing(path) as file:
        file.write(text.encode())


def is_full(error: BaseException | None) -> TypeGuard[OSError]:
    """True for the error of a full disk, a quota or a size limit."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk(error: BaseException | None, path: object, remedy: str) -> UserError | None:
    """The message for an error that was caused by a full disk; None for any other.

    Lightning's TensorBoard logger, for one, raises an error of its own from that of the system.
    """
    while error is not None and not isinstance(error, UserError) and not is_full(error):
        error = error.__cause__
    if not is_full(error):
        return None
    return UserError(f"{path}: cannot be written ({error.strerror}); free some space, then: {remedy}")


def previous(path: Path) -> Path:
    """Path of the previous version of a checkpoint, which is kept when it is saved again."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def current(older: Path) -> Path:
    """Path of the checkpoint whose previous version this is: the inverse of `previous`."""
    return older.with_name(older.name.removesuffix(f".previous{older.suffix}") + older.suffix)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of killed processes, in a folder that no process is writing into."""
    for path in folder.glob(".*.tmp"):
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _keep(path: Path, older: Path) -> None:
    """Make `older` a second name of the file at `path`."""
    if not path.exists():
        return
    link = _hidden(older)
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links: for a moment only `older` exists
        os.replace(path, older)
        return
    try:
        os.replace(link, older)
    finally:
        link.unlink(missing_ok=True)  # POSIX: a rename between two links of one file keeps both


def _sync(folder: Path) -> None:
    """Write the names in a folder to the disk, so that they survive a crash of the machine."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that cannot sync a folder
            raise
    finally:
        os.close(handle)
