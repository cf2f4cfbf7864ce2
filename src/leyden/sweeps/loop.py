"""Main loop of a sweep: keeps an executor busy with the jobs of a source until none is left, even if some fail."""

import logging
import time
from signal import Signals
from types import FrameType

from leyden.sweeps.executors.executor import Ended, Executor
from leyden.sweeps.job import Job, Outcome, read_outcome, record_failure
from leyden.sweeps.job_source import JobSource
from leyden.sweeps.progress import SweepProgress
from leyden.sweeps.refusals import Refusals
from leyden.sweeps.sweep_record import SweepRecord
from leyden.system.graceful_shutdown import signal_handlers
from leyden.system.locks import is_live

log = logging.getLogger(__name__)

_TICK = 0.25  # seconds between two polls


class SweepLoop:
    """Executes the jobs of a sweep."""

    def __init__(
        self,
        source: JobSource,
        executor: Executor,
        record: SweepRecord,
        progress: SweepProgress,
        stops_on_failure: bool = False,
    ) -> None:
        self.source, self.executor, self.record, self.progress = source, executor, record, progress
        self.stops_on_failure = stops_on_failure
        self.failed: list[Job] = []
        self.refusals = Refusals(source)
        self._running: dict[str, Job] = {}
        self._elsewhere: list[tuple[Job, Ended | None]] = []  # run by another process; how ours ended
        self._signals: list[Signals] = []

    def run(self) -> Signals | None:
        """Run until every job has ended; returns the signal that stopped the sweep, if one did."""
        with signal_handlers(self._receive), self.progress:
            answered = 0
            while True:
                if len(self._signals) > answered:
                    answered = len(self._signals)
                    self._stop(self._signals[-1])
                failed = self.stops_on_failure and bool(self.failed)
                ending = bool(self._signals) or failed or self.refusals.common is not None
                if not ending:
                    self._fill()
                if not self._running and (ending or not self._elsewhere):
                    break
                if self._running:
                    for ended in self.executor.wait(_TICK):
                        self._end(ended)
                else:
                    time.sleep(_TICK)
                self.progress.show()
        return self._signals[0] if self._signals else None

    def _fill(self) -> None:
        for left, ended in [(left, ended) for left, ended in self._elsewhere if not is_live(left.dir)]:
            self._elsewhere.remove((left, ended))
            if ended:
                self._judge(left, ended)
            else:
                self._begin(left)
        while not self._signals and len(self._running) + len(self._elsewhere) < self.executor.slots:
            if (job := self.source.ask()) is None:
                break
            self._begin(job)

    def _begin(self, job: Job) -> None:
        if is_live(job.dir) and not self.executor.is_submitted(job):
            log.info("%s: another process is running it; waiting for that", job.name)
            self._elsewhere.append((job, None))
            return
        found = read_outcome(job)
        if found.done:
            self._tell(found)
            return
        self.record.note(Outcome(job, "running"))
        self._running[job.name] = job
        self.progress.begin(job)
        self.executor.start(job)

    def _end(self, ended: Ended) -> None:
        job = self._running.pop(ended.job.name)
        if is_live(job.dir):  # its workers have not ended yet; or another process runs it
            self._elsewhere.append((job, ended))
        else:
            self._judge(job, ended)

    def _judge(self, job: Job, ended: Ended) -> None:
        """Determine the outcome of a job that no process runs any more; record it if the job itself could not."""
        found = read_outcome(job)
        if not found.done and self._signals and (ended.cause or found.status != "failed"):
            found = Outcome(job, "interrupted", found.record)  # as requested
        elif found.status == "interrupted":
            record_failure(job, f"interrupted by {found.error}")  # not by us
            found = read_outcome(job)
        elif found.status in ("waiting", "killed") or (found.status == "failed" and (ended.cause or not found.error)):
            record_failure(job, ended.cause or "ended without a result")
            found = read_outcome(job)
        self._tell(found)

    def _tell(self, found: Outcome) -> None:
        self.failed += [found.job] if found.status == "failed" else []
        self.refusals.note(found)
        self.record.note(found)
        self.progress.end(found)
        self.source.tell(found)
        if self.stops_on_failure and found.status == "failed" and len(self.failed) == 1:
            running = f"; {len(self._running)} still running" if self._running else ""
            log.warning("sweep.on_error=stop: no more jobs are started%s", running)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(Signals(number))
        if self.executor.stops_in_handler:
            self.executor.stop(Signals(number))

    def _stop(self, received: Signals) -> None:
        if len(self._signals) == 1:
            log.warning("%s: all jobs stop after their current step; once more to stop at once", received.name)
        if not self.executor.stops_in_handler:
            self.executor.stop(received)
