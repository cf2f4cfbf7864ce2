"""Keeps an executor busy with the jobs of a source until there are none, whatever becomes of each."""

import logging
import signal
import threading
import time
from signal import Signals
from types import FrameType, TracebackType
from typing import Any, Self

from leyden.record import is_live
from leyden.sweeps.board import Board
from leyden.sweeps.executors.executor import Ended, Executor
from leyden.sweeps.job import Job, Outcome, note_failure, outcome
from leyden.sweeps.source import Source
from leyden.sweeps.state import SweepRecord

log = logging.getLogger(__name__)

_TICK = 0.25  # seconds between two looks at what goes on


class Loop:
    """Executes a sweep.

    Args:
        source: of jobs, opened.
        executor: of jobs, opened.
        record: of the sweep.
        board: where progress is shown.
        stops_on_failure: begin nothing more after a job that failed.
    """

    def __init__(
        self, source: Source, executor: Executor, record: SweepRecord, board: Board, stops_on_failure: bool = False
    ) -> None:
        self.source, self.executor, self.record, self.board = source, executor, record, board
        self.stops_on_failure = stops_on_failure
        self.failed = 0
        self._running: dict[str, Job] = {}
        self._elsewhere: list[Job] = []  # a process that nobody waits for is still at work on it
        self._signals: list[Signals] = []

    def run(self) -> Signals | None:
        """Returns the signal that ended the sweep, if one did, once every job has ended."""
        with _Signals(self._signals), self.board:
            answered = 0
            while True:
                if len(self._signals) > answered:
                    answered = len(self._signals)
                    self._stop(self._signals[-1])
                ending = bool(self._signals) or (self.stops_on_failure and self.failed > 0)
                if not ending:
                    self._fill()
                if not self._running and (ending or not self._elsewhere):
                    break
                if self._running:
                    for ended in self.executor.wait(_TICK):
                        self._end(ended)
                else:
                    time.sleep(_TICK)  # somebody else has a job of ours
                self.board.show([outcome(job) for job in self._running.values()])
        return self._signals[0] if self._signals else None

    def _fill(self) -> None:
        for left in [job for job in self._elsewhere if not is_live(job.dir)]:
            self._elsewhere.remove(left)
            self._begin(left)
        while len(self._running) + len(self._elsewhere) < self.executor.slots and (job := self.source.next()):
            self._begin(job)

    def _begin(self, job: Job) -> None:
        if is_live(job.dir):
            log.info("%s: another process is at work on it, which is waited for", job.name)
            self._elsewhere.append(job)
            return
        found = outcome(job)
        if found.done and not job.experiment.changed:
            self._tell(found)
            return
        self.record.note(Outcome(job, "running"))
        self._running[job.name] = job
        self.board.begin(job)
        self.executor.start(job)

    def _end(self, ended: Ended) -> None:
        job = self._running.pop(ended.job.name)
        found = outcome(job)
        if found.status in ("waiting", "running", "killed") or (found.status == "failed" and ended.cause):
            if self._signals:  # it was asked to stop, before it had a run that could keep that
                found = Outcome(job, "interrupted", found.record)
            elif ended.cause or not found.error:  # one of an earlier time may stand there
                note_failure(job, ended.cause or "ended without a result")
                found = outcome(job)
        self._tell(found)

    def _tell(self, found: Outcome) -> None:
        self.failed += found.status == "failed"
        self.source.tell(found)
        self.record.note(found)
        self.board.end(found)

    def _stop(self, received: Signals) -> None:
        if len(self._signals) == 1:
            log.warning("%s: all jobs stop after the step at hand; once more to stop at once", received.name)
        self.executor.stop(received)


class _Signals:
    """Within this block SIGINT and SIGTERM are noted in a list."""

    def __init__(self, received: list[Signals]) -> None:
        self.received = received
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(Signals(number))
