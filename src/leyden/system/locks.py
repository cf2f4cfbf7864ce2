"""The right to write into a directory, a run's or a sweep's: one process has it, and loses it when it ends, however."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

LOCK = ".lock"
_PATIENCE = 15.0  # seconds until processes of a run or sweep that was killed have noticed, and let go of its lock
_MOMENT = 1.0  # seconds for which whoever only looks whether it is held may hold it


def hold(directory: Path, record: Mapping[str, Any]) -> FileLock:
    """Keep every other process from writing into a directory, until released or the process ends.

    Args:
        directory: it is there.
        record: what its last writer said of itself: `host`, `pid`.

    Raises:
        Timeout: another process has it.
        OSError: the directory cannot be written.
    """
    held = FileLock(directory / LOCK)
    held.acquire(timeout=_PATIENCE if is_gone(record) else _MOMENT)
    return held


def is_live(directory: Path) -> bool:
    """Whether a process is writing into a directory."""
    if not (directory / LOCK).exists():
        return False
    try:
        with FileLock(directory / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a directory of somebody else's
        return False


def is_gone(record: Mapping[str, Any]) -> bool:
    """Whether the process that a record is of was one of this machine, and is not known to be there any more."""
    return record.get("host") == socket.gethostname() and not is_alive(record.get("pid"))


def is_alive(pid: Any) -> bool:
    """Whether a process of this machine has this number."""
    if os.name == "nt":  # to ask would be to interrupt it
        return False
    try:
        os.kill(int(pid), 0)
    except (OSError, TypeError, ValueError) as error:
        return isinstance(error, PermissionError)
    return True
