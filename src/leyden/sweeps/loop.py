"""Keeps an executor busy with the jobs of a source until there are none, whatever becomes of each."""

import logging
import signal
import time
from collections.abc import Callable
from signal import Signals
from types import FrameType, TracebackType
from typing import Any, Self

from leyden.sweeps.board import Board
from leyden.sweeps.executors.executor import Ended, Executor
from leyden.sweeps.job import Job, Outcome, note_failure, outcome
from leyden.sweeps.refusals import Refusals
from leyden.sweeps.source import Source
from leyden.sweeps.state import SweepRecord
from leyden.system.graceful_shutdown import STOPS, earlier, replaceable
from leyden.system.locks import is_live

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
        self.failed: list[Job] = []
        self.refusals = Refusals(source)
        self._running: dict[str, Job] = {}
        self._elsewhere: list[tuple[Job, Ended | None]] = []  # another process is at work on them; how ours ended
        self._signals: list[Signals] = []

    def run(self) -> Signals | None:
        """Returns the signal that ended the sweep, if one did, once every job has ended."""
        with _Signals(self._receive), self.board:
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
                self.board.show(self._running.values())
        return self._signals[0] if self._signals else None

    def _fill(self) -> None:
        for left, ended in [(left, ended) for left, ended in self._elsewhere if not is_live(left.dir)]:
            self._elsewhere.remove((left, ended))
            if ended:
                self._judge(left, ended)
            else:
                self._begin(left)
        while not self._signals and len(self._running) + len(self._elsewhere) < self.executor.slots:
            if (job := self.source.next()) is None:
                break
            self._begin(job)

    def _begin(self, job: Job) -> None:
        if is_live(job.dir) and not self.executor.holds(job):
            log.info("%s: another process is at work on it, which is waited for", job.name)
            self._elsewhere.append((job, None))
            return
        found = outcome(job)
        if found.done:
            self._tell(found)
            return
        self.record.note(Outcome(job, "running"))
        self._running[job.name] = job
        self.board.begin(job)
        self.executor.start(job)

    def _end(self, ended: Ended) -> None:
        job = self._running.pop(ended.job.name)
        if is_live(job.dir):  # its workers have not noticed yet; or it met a process that is at work on it
            self._elsewhere.append((job, ended))
        else:
            self._judge(job, ended)

    def _judge(self, job: Job, ended: Ended) -> None:
        """Say what came of a job that nobody is at work on, and keep it where the job itself could not."""
        found = outcome(job)
        if not found.done and self._signals and (ended.cause or found.status != "failed"):
            found = Outcome(job, "interrupted", found.record)  # it was asked to
        elif found.status == "interrupted":
            note_failure(job, f"interrupted by {found.error}")  # and not by us
            found = outcome(job)
        elif found.status in ("waiting", "killed") or (found.status == "failed" and (ended.cause or not found.error)):
            note_failure(job, ended.cause or "ended without a result")
            found = outcome(job)
        self._tell(found)

    def _tell(self, found: Outcome) -> None:
        self.failed += [found.job] if found.status == "failed" else []
        self.refusals.note(found)
        self.record.note(found)
        self.board.end(found)
        self.source.tell(found)
        if self.stops_on_failure and found.status == "failed" and len(self.failed) == 1:
            running = f"; {len(self._running)} more to end" if self._running else ""
            log.warning("sweep.on_error=stop: nothing more is begun%s", running)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(Signals(number))
        if self.executor.prompt:
            self.executor.stop(Signals(number))

    def _stop(self, received: Signals) -> None:
        if len(self._signals) == 1:
            log.warning("%s: all jobs stop after the step at hand; once more to stop at once", received.name)
        if not self.executor.prompt:
            self.executor.stop(received)


class _Signals:
    """Within this block what stops a program goes to a function."""

    def __init__(self, receive: Callable[[int, FrameType | None], None]) -> None:
        self.receive = receive
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = replaceable(STOPS)
        earlier(self._before)
        for number in self._before:
            signal.signal(number, self.receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
