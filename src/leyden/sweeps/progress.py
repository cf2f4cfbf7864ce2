"""Progress of a sweep for the user: a line for each job that ended, and on a terminal for each that runs."""

import logging
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import rich
from rich.live import Live
from rich.table import Table

from leyden.sweeps.job import Job, Outcome, read_outcome

log = logging.getLogger(__name__)


class SweepProgress:
    """Display of a sweep's progress.

    Args:
        total: number of jobs.
        done: number of jobs that are done already.
        objectives: the metrics to show.
        alone: jobs run one after the other, and show their own progress.
    """

    def __init__(self, total: int, done: int, objectives: Mapping[str, str], alone: bool) -> None:
        self.total, self.done, self.objectives, self.alone = total, done, objectives, alone
        self._since: dict[str, float] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        console = rich.get_console()
        if console.is_terminal and not self.alone:
            self._live = Live(console=console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def begin(self, job: Job) -> None:
        """Show that a job starts."""
        self._since[job.name] = time.monotonic()
        if self.alone:
            log.info("job %d of %d: %s", self.done + 1, self.total, job.name)
        elif not self._live:
            log.info("%s: started", job.name)

    def show(self, running: Iterable[Job]) -> None:
        """Show the epochs and objectives of running jobs, on a terminal: their records are read for that."""
        if self._live is None:
            return
        table = Table.grid(padding=(0, 2))
        for found in map(read_outcome, running):
            epochs = found.job.experiment.config["trainer"].get("max_epochs", "?")
            seconds = time.monotonic() - self._since.get(found.job.name, time.monotonic())
            epoch = f"epoch {found.record.get('epochs', 0)}/{epochs}"
            table.add_row(found.job.name, epoch, self._values(found), f"{seconds:.0f} s")
        table.add_row(f"{self.done} of {self.total} done", "", "", "", style="bold")
        self._live.update(table, refresh=True)

    def end(self, found: Outcome) -> None:
        """Show that a job has ended, or was done before."""
        if found.done or found.status == "failed":
            self.done += 1
        told = found.error if found.status == "failed" else self._values(found)
        seconds = float(found.record.get("seconds", 0.0))
        log.log(
            logging.ERROR if found.status == "failed" else logging.INFO,
            "%d of %d  %s: %s%s  %.1f s",
            self.done,
            self.total,
            found.job.name,
            found.status,
            f", {told}" if told else "",
            seconds,
        )

    def _values(self, found: Outcome) -> str:
        values = {name: found.metric(name) for name in self.objectives}
        return " ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)
