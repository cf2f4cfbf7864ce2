"""One line at the bottom of a terminal that changes: a title, a bar, a percentage, values and the time that is left."""

from collections.abc import Sequence

import rich
from rich.cells import cell_len
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from leyden.system.console import has_live_display
from leyden.system.formatting import clock, shortened

_BAR = (8, 40)  # columns
_GAP = 2


class LiveLine:
    """The line; other output appears above it. Without a terminal nothing is shown."""

    def __init__(self) -> None:
        self._live: Live | None = None

    @property
    def is_open(self) -> bool:
        return self._live is not None

    def open(self) -> None:
        """Begin to show it, if there is a terminal."""
        if self._live is None and has_live_display():
            self._live = Live(console=rich.get_console(), transient=True, auto_refresh=False)
            self._live.start()

    def show(self, title: str, fraction: float | None, values: Sequence[str] = (), left: float | None = None) -> None:
        """Show a state; see `live_row`."""
        if self._live is not None:
            self._live.update(live_row(live_width(), title, fraction, values, left), refresh=True)

    def close(self) -> None:
        """Remove it."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def live_width() -> int:
    """Columns for lines that change: less than a terminal has, as a Ctrl-C that is shown there must not wrap them."""
    return max(1, rich.get_console().width - 3)


def live_row(
    width: int, title: str, fraction: float | None, values: Sequence[str] = (), left: float | None = None
) -> Table:
    """A line that is never wrapped: on a narrow terminal the last values are left out, then the time, then the bar.

    Args:
        width: of the terminal.
        fraction: that is done; None if it is not known.
        values: texts, the most important first.
        left: seconds that are left; None if not known.
    """
    percentage = "" if fraction is None else f"{int(100 * fraction):3d} %"
    time = "" if left is None else f"ETA {clock(left):>5}"
    shown = list(values)

    def room() -> int:
        """Columns that are left for the bar."""
        texts = [text for text in (title, percentage, *shown, time) if text]
        return width - sum(cell_len(text) + _GAP for text in texts)

    while shown and room() < _BAR[0]:
        shown.pop()
    if room() < _BAR[0]:
        time = ""
    size = min(room(), _BAR[1])
    bar = ProgressBar(1.0, fraction or 0.0, width=size, pulse=fraction is None, complete_style="green")
    cells = [shortened(title, width), bar if room() >= _BAR[0] else "", percentage, *shown, time]
    row = Table.grid(padding=(0, _GAP, 0, 0))
    row.add_row(*(cell for cell in cells if cell))
    for column in row.columns:
        column.no_wrap, column.overflow = True, "crop"
    return row
