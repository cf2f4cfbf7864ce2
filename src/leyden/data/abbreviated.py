"""Lists of names for messages of one line."""

from collections.abc import Sequence

_WIDTH = 40  # letters


def shortened(names: Sequence[str], most: int = 8) -> str:
    """The first of some names, and how many more there are, unless that is one more."""
    more = len(names) - most
    return ", ".join(names) if more < 2 else f"{', '.join(names[:most])} and {more:,} more"


def one_line(name: str) -> str:
    """A name without line breaks, cut where it is long."""
    name = " ".join(name.split())
    return name if len(name) <= _WIDTH else f"{name[: _WIDTH - 1]}…"
