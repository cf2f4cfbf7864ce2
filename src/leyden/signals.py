"""Ctrl-C, SIGTERM and the warnings of schedulers, turned into an end at which nothing is lost."""

import logging
import signal
import sys
import threading
import time
from signal import Signals
from types import FrameType, TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)
# SIGHUP comes where a terminal is closed. Windows has none.
STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# With these schedulers warn: time is nearly over, or the machine is wanted by others. Windows has none.
WARNINGS = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))
_TOGETHER = 1.0  # seconds


class Interrupted(SystemExit):
    """Leaves with the status that shells and schedulers know: 128 and the signal, such as 130 after SIGINT."""

    def __init__(self, received: Signals) -> None:
        super().__init__(128 + received)
        self.signal = received


class Watch:
    """Within this block signals raise `Interrupted`; at once, or where whoever is in charge lets them.

    That is SIGINT, SIGTERM and SIGHUP, and SIGUSR1 and SIGUSR2, with which schedulers warn. Those that arrive within a
    second count as one: a terminal sends Ctrl-C to the whole group, and who started this process passes it on.

    Attributes:
        received: the signal that somebody who deferred is still to answer.
    """

    def __init__(self) -> None:
        self.received: Signals | None = None
        self._deferring = False
        self._since: float | None = None
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.getsignal(number) for number in (*STOPS, *WARNINGS)}
            if before.get(getattr(signal, "SIGHUP", None)) == signal.SIG_IGN:  # under nohup, which means it
                del before[signal.SIGHUP]
            self._before = {number: handler for number, handler in before.items() if handler is not None}
            self.take_over()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take_over(self) -> None:
        """Be the one that is told, whoever was in between (Lightning is, while its Trainer runs).

        Lightning's own answer to SIGUSR1 on SLURM, a checkpoint in the middle of a step, gives way to a handler that is
        there before it: this one.
        """
        for number in self._before:
            signal.signal(number, self._receive)

    def defer(self) -> None:
        """From now on a first signal is only noted, until `answer` is called; a second one is not waited for."""
        self._deferring = True
        self.take_over()

    def stop_deferring(self) -> None:
        """From now on signals are answered at once, and one that was noted is answered now."""
        self._deferring = False
        self.answer()

    def answer(self) -> None:
        """Raise `Interrupted` if a signal was noted."""
        if self.received is not None:
            raise Interrupted(self.received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now, first = time.monotonic(), self._since is None
        again = self._since is not None and number in STOPS and now - self._since >= _TOGETHER
        if first:
            self._since = now
        if again or self.received is None or number in WARNINGS:  # a warning tells more than the SIGTERM before it
            self.received = Signals(number)
        if again or (first and not self._deferring):
            raise Interrupted(Signals(number))
        if first:
            log.warning("%s: stops after this step, with a checkpoint; once more to stop at once", Signals(number).name)


def interruption(error: BaseException | None) -> Interrupted | None:
    """The signal that an exception stands for, Lightning's own and Python's included."""
    if isinstance(error, Interrupted):
        return error
    lightning = sys.modules.get("lightning.pytorch.utilities.exceptions")
    if lightning and isinstance(error, lightning.SIGTERMException):
        return Interrupted(Signals.SIGTERM)
    if isinstance(error, KeyboardInterrupt) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)
    ):
        return Interrupted(Signals.SIGINT)
    return None
