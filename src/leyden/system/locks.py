"""Locks of directories of runs and sweeps: one process may write, and its lock ends with it, in any way."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

LOCK = ".lock"
_PATIENCE = 15.0  # seconds until the processes of a killed run or sweep release its lock
_MOMENT = 1.0  # seconds for which `is_live` of another process may hold it


def hold(directory: Path, record: Mapping[str, Any]) -> FileLock:
    """The right to write into a directory, until it is released or the process ends.

    Args:
        directory: that exists.
        record: `host` and `pid` of its last writer.

    Raises:
        Timeout: another process has it.
        OSError: the directory cannot be written.
    """
    held = FileLock(directory / LOCK)
    held.acquire(timeout=_PATIENCE if is_gone(record) else _MOMENT)
    return held


def is_live(directory: Path) -> bool:
    """True if a process has the right to write into a directory."""
    if not (directory / LOCK).exists():
        return False
    try:
        with FileLock(directory / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a directory of another user
        return False


def is_gone(record: Mapping[str, Any]) -> bool:
    """True if the process of a record ran on this machine, and does not run any more."""
    return record.get("host") == socket.gethostname() and not is_alive(record.get("pid"))


def is_alive(pid: Any) -> bool:
    """True if a process of this machine has this ID."""
    if os.name == "nt":  # os.kill would end it
        return False
    try:
        os.kill(int(pid), 0)
    except (OSError, TypeError, ValueError) as error:
        return isinstance(error, PermissionError)
    return True
