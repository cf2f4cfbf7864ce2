"""The further processes that this one has started, and what is done when one of them ends too soon."""

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

import lightning.pytorch as pl

from leyden.config.experiment import Experiment
from leyden.distributed import GRACE, PATIENCE
from leyden.records.record import read_record, write_record
from leyden.system.graceful_shutdown import STOPS, WARNINGS
from leyden.system.processes import rank

log = logging.getLogger(__name__)
_STOPS = (*STOPS, *WARNINGS)


class RankProcesses:
    """The further processes of a run. A thread looks after them while the Trainer works.

    If one ends with an error, this process meets an error of its own soon, as the others do not answer any more; that
    is told by whoever leaves. Where it does not, but waits for ever, the thread writes the record and ends it.

    Args:
        trainer: of this process.
        experiment: what each of them runs.
    """

    def __init__(self, trainer: pl.Trainer, experiment: Experiment) -> None:
        self.trainer, self.experiment = trainer, experiment
        self._started: dict[int, subprocess.Popen[bytes]] = {}  # by rank
        self._leaving = threading.Event()
        self._deciding = threading.Lock()  # on who says how the run ended

    def __len__(self) -> int:
        return len(self._started)

    def start(self, number: int, env: dict[str, str]) -> None:
        """Start the process of a rank. A terminal's Ctrl-C is not for it: the first process passes signals on."""
        command = [sys.executable, "-m", "leyden.training.rank_process"]
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, start_new_session=True)
        self._started[number] = process
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which is noticed as always
            pickle.dump(self.experiment, process.stdin)
            process.stdin.flush()

    def watch(self) -> None:
        """Begin to look after them."""
        if self._started:
            threading.Thread(target=self._watch, daemon=True, name="further processes").start()

    def leave(self, in_order: bool) -> None:
        """See to it that they end: when they are done, or at once."""
        with self._deciding:
            self._leaving.set()
        until = time.monotonic() + (PATIENCE if in_order else 0.0)
        for process in self._started.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
        if in_order and (ended := self.ended()):
            log.warning("%s, after the result", ended[0])
        self._end()

    def ended(self) -> tuple[str, Signals | None] | None:
        """How one that failed ended, in words, and the signal that asked it to; None while all is well."""
        for number, process in self._started.items():
            if status := process.poll():
                stopped = next((s for s in _STOPS if status in (-s, 128 + s)), None)
                how = f"was killed by {Signals(-status).name}" if status < 0 else f"ended with status {status}"
                return f"process {number} of the run {how}", stopped
        return None

    def _end(self) -> None:
        for process in self._started.values():
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # which they take as a word
        for process in self._started.values():
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        since: float | None = None
        while not self._leaving.wait(0.2):
            if not (ended := self.ended()):
                continue
            since = since or time.monotonic()
            # Where it met an error of its own as well, or a signal that stops all, this process gets to saying so.
            patience = PATIENCE if self.trainer.interrupted or ended[1] else GRACE
            if time.monotonic() - since > patience:
                with self._deciding:
                    if not self._leaving.is_set():
                        self._give_up(*ended)

    def _give_up(self, words: str, stopped: Signals | None) -> NoReturn:
        """End this process, which waits in a call that cannot be left."""
        try:
            log.error("%s: it cannot go on", words)
            if rank() == 0:
                run_dir = self.experiment.run_dir
                status, error = ("interrupted", stopped.name) if stopped else ("failed", words)
                write_record(run_dir, read_record(run_dir) | {"status": status, "error": error})
            self._end()
        finally:
            os._exit(128 + stopped if stopped else 1)
