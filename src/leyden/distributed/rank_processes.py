"""Further processes that this one has started, and the end of the run if one of them ends too soon."""

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from signal import Signals
from typing import NoReturn

import lightning as L

from leyden.config.experiment import Experiment
from leyden.distributed import GRACE, PATIENCE
from leyden.records.record import read_record, write_record
from leyden.system.graceful_shutdown import STOPS, WARNINGS
from leyden.system.processes import rank

log = logging.getLogger(__name__)
_STOPS = (*STOPS, *WARNINGS)


class RankProcesses:
    """Further processes of a run, which a thread monitors while the Trainer works.

    If one ends with an error, this process soon raises an error of its own, as the other does not answer any more, and
    `launch_ranks` reports it. If this process waits for ever instead, the thread writes the record and ends it.

    Args:
        trainer: of this process.
        experiment: run by each of them.
    """

    def __init__(self, trainer: L.Trainer, experiment: Experiment) -> None:
        self.trainer, self.experiment = trainer, experiment
        self._started: dict[int, subprocess.Popen[bytes]] = {}  # by rank
        self._stopping = threading.Event()
        self._deciding = threading.Lock()  # on which thread reports the end of the run

    def __len__(self) -> int:
        return len(self._started)

    def start(self, number: int, env: dict[str, str]) -> None:
        """Start the process of a rank. It receives no Ctrl-C of a terminal: the ranks agree on a step to stop at."""
        command = [sys.executable, "-m", "leyden.training.rank_entry_point"]
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, start_new_session=True)
        self._started[number] = process
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which `failure` reports
            pickle.dump(self.experiment, process.stdin)
            process.stdin.flush()

    def watch(self) -> None:
        """Start the thread that monitors them."""
        if self._started:
            threading.Thread(target=self._watch, daemon=True, name="further processes").start()

    def stop(self, wait: bool) -> None:
        """End them: when they are done, or at once."""
        with self._deciding:
            self._stopping.set()
        until = time.monotonic() + (PATIENCE if wait else 0.0)
        for process in self._started.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
        if wait and (failure := self.failure()):
            log.warning("%s, after the result", failure[0])
        self._end()

    def failure(self) -> tuple[str, Signals | None] | None:
        """Description of the first failure and the signal that caused it; None if no process has failed."""
        for number, process in self._started.items():
            if status := process.poll():
                stopped = next((s for s in _STOPS if status in (-s, 128 + s)), None)
                how = f"was killed by {Signals(-status).name}" if status < 0 else f"ended with status {status}"
                return f"process {number} of the run {how}", stopped
        return None

    def _end(self) -> None:
        for process in self._started.values():
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # which ends them
        for process in self._started.values():
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        since: float | None = None
        while not self._stopping.wait(0.2):
            if not (failure := self.failure()):
                continue
            since = since or time.monotonic()
            # With an error of its own, or a signal that stops all, this process reports the end itself.
            patience = PATIENCE if self.trainer.interrupted or failure[1] else GRACE
            if time.monotonic() - since > patience:
                with self._deciding:
                    if not self._stopping.is_set():
                        self._abort(*failure)

    def _abort(self, words: str, stopped: Signals | None) -> NoReturn:
        """End this process, which is blocked in a call that does not return."""
        try:
            log.error("%s: the run cannot continue", words)
            if rank() == 0:
                run_dir = self.experiment.run_dir
                status, error = ("interrupted", stopped.name) if stopped else ("failed", words)
                write_record(run_dir, read_record(run_dir) | {"status": status, "error": error})
            self._end()
        finally:
            os._exit(128 + stopped if stopped else 1)
