"""Lists of names, abbreviated for messages of one line."""

from collections.abc import Sequence

_WIDTH = 40  # letters


def listed(names: Sequence[str], most: int = 8) -> str:
    """The first names and the number of the others, unless that is one."""
    more = len(names) - most
    return ", ".join(names) if more < 2 else f"{', '.join(names[:most])} and {more:,} more"


def one_line(name: str) -> str:
    """A name without line breaks, cut if it is long."""
    name = " ".join(name.split())
    return name if len(name) <= _WIDTH else f"{name[: _WIDTH - 1]}…"


def abbreviated(names: Sequence[str]) -> str:
    """The first four names, each cut to one line, and the number of the others."""
    return listed([one_line(name) for name in names], 4)
