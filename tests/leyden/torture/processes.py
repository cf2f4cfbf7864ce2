"""Which processes there are, on any system."""

import psutil  # type: ignore[import-untyped]


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return bool(psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return True


def children(pid: int, all_below: bool = False) -> list[int]:
    """The processes that a process has started; and those that these have."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=all_below)]
    except psutil.NoSuchProcess:
        return []
