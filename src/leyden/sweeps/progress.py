"""Progress of a sweep for the user: a line for each job that ended, and on a terminal a board of those that run."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import rich
from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.text import Text

from leyden.sweeps.job import Job, Outcome, read_outcome
from leyden.system.console import has_live_display, log_line
from leyden.system.formatting import shortened, span
from leyden.system.live_line import live_row, live_width

log = logging.getLogger(__name__)

_SHORTEST = 12  # columns of the name of a job
_AFTER = 3.0  # seconds until the time that is left is estimated


class SweepProgress:
    """Display of a sweep's progress.

    Args:
        total: number of jobs.
        done: number of jobs that are done already.
        output: folder with the output of jobs; None if they print to the terminal themselves, so that there is no
            board.
    """

    def __init__(self, total: int, done: int, output: Path | None = None) -> None:
        self.total, self.done, self.output = total, done, output
        self.failed = 0
        self._before, self._begun = done, done
        self._began: float | None = None
        self._running: dict[str, tuple[Job, float]] = {}  # with the time of its start
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.output and has_live_display():
            self._live = Live(console=rich.get_console(), transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def begin(self, job: Job) -> None:
        """Show that a job starts."""
        now = time.monotonic()
        self._began = self._began or now
        self._begun += 1
        self._running[job.name] = job, now
        if self._live:
            self.show()
        else:
            log.info("job %d of %d: %s", self._begun, self.total, job.name)

    def show(self) -> None:
        """Show the epochs and objectives of running jobs, on a terminal: their records are read for that."""
        if self._live is None:
            return
        now = time.monotonic()
        found = [(read_outcome(job), now - since) for job, since in self._running.values()]
        most = max(1, self._live.console.height - 3)
        lines = board(live_width(), [self._cells(outcome, seconds) for outcome, seconds in found[:most]])
        if len(found) > most:
            lines.append(f"… and {len(found) - most} more")
        done = self.done + sum(_part(outcome) for outcome, _ in found)
        here, elapsed = done - self._before, now - (self._began or now)
        left = elapsed * (self.total - done) / here if here > 0 and elapsed > _AFTER else None
        values = [f"{self.failed} failed"] if self.failed else []
        bar = live_row(live_width(), f"{self.done} of {self.total} done", done / max(1, self.total), values, left)
        self._live.update(Group(*(Text(line, no_wrap=True) for line in lines), bar), refresh=True)

    def end(self, found: Outcome) -> None:
        """Show that a job has ended, or was done before."""
        self._running.pop(found.job.name, None)
        failed = found.status == "failed"
        self.done += found.done or failed
        self.failed += failed
        name, seconds = found.job.name, span(float(found.record.get("seconds", 0.0)))
        values = "" if failed else self._values(found)
        head, tail = f"{self.done} of {self.total}", f"{found.status}{f', {values}' if values else ''}  {seconds}"
        names = [name, *(shortened(name, length) for length in range(cell_len(name) - 1, _SHORTEST - 1, -1))]
        forms = [f"{head}  {short}: {tail}" for short in names]
        log_line(log, *forms, level=logging.ERROR if failed else logging.INFO)
        if failed:
            log.error("  %s", found.error)
            if self.output and (self.output / f"{name}.txt").is_file():
                log.error("  its output: %s/%s.txt", self.output.name, name)

    def _cells(self, found: Outcome, seconds: float) -> list[str]:
        """Cells of a running job: name, epoch, objectives, duration."""
        epochs = found.job.experiment.config["trainer"].get("max_epochs") or "?"
        epoch = f"epoch {found.record.get('epochs', 0)}/{epochs}"
        return [found.job.name, epoch, self._values(found), f"{seconds:.0f} s" if seconds < 100 else span(seconds)]

    def _values(self, found: Outcome) -> str:
        values = {name: found.metric(name) for name in found.job.objectives}
        return " ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)


def board(width: int, rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned lines that are not wider than a terminal: names lose their middle, then columns are left out.

    Args:
        rows: of equal length: a name, then further cells, of which the last is kept longest.
    """
    names, *others = (list(column) for column in zip(*rows, strict=True)) if rows else [[]]

    def room() -> int:
        """Columns for the names."""
        return max(1, width - sum(2 + max(map(cell_len, column)) for column in others))

    longest = max(map(cell_len, names), default=0)
    while others and room() < min(_SHORTEST, longest):
        del others[-2 if len(others) > 1 else -1]
    columns = [[shortened(name, room()) for name in names], *others]
    widths = [max(map(cell_len, column), default=0) for column in columns]
    padded = [
        [cell + " " * (wide - cell_len(cell)) for cell in column] for column, wide in zip(columns, widths, strict=True)
    ]
    return ["  ".join(row).rstrip() for row in zip(*padded, strict=True)]


def _part(found: Outcome) -> float:
    """Fraction of a running job that is done, by its epochs."""
    epochs = found.job.experiment.config["trainer"].get("max_epochs")
    known = isinstance(epochs, int) and epochs > 0
    return min(1.0, float(found.record.get("epochs", 0)) / epochs) if known else 0.0
