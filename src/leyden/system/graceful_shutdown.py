"""Graceful shutdown on Ctrl-C, SIGTERM and the warning signals of cluster schedulers."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from signal import Signals
from types import FrameType, TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)
# SIGHUP is sent when a terminal is closed; Windows has none.
STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# Warnings of cluster schedulers: the time limit is near, or the job is preempted. Windows has none.
WARNINGS = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))
_TOGETHER = 1.0  # seconds


class Interrupted(SystemExit):
    """Exit with the status that shells and schedulers expect: 128 plus the signal, such as 130 after SIGINT."""

    def __init__(self, received: Signals) -> None:
        super().__init__(128 + received)
        self.signal = received


class ExitOnSignal:
    """Within this block, around a whole program, signals raise `Interrupted`, and none is lost.

    Code such as the destructor of an object may swallow an exception that is raised in it. So an inner block that
    replaces the handlers checks for an earlier signal (`earlier`), and the end of the block raises again.
    """

    def __init__(self) -> None:
        self.received: Signals | None = None
        self._raised: Interrupted | None = None
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = replaceable(STOPS)
        for number in self._before:
            signal.signal(number, self.receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.received is None or (isinstance(error, SystemExit) and error.code and error is not self._raised):
            return
        print(f"interrupted by {self.received.name}", file=sys.stderr)
        if error is not self._raised:
            raise Interrupted(self.received) from None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: note the signal, and raise."""
        self.received = self.received or Signals(number)
        self._raised = Interrupted(self.received)
        raise self._raised


def earlier(before: Mapping[Signals, Any]) -> None:
    """Raise `Interrupted` for a signal that came before the handlers of an `ExitOnSignal` were replaced."""
    for handler in before.values():
        ending = getattr(handler, "__self__", None)
        if isinstance(ending, ExitOnSignal) and ending.received is not None:
            raise Interrupted(ending.received)


def replaceable(numbers: Iterable[Signals]) -> dict[Signals, Any]:
    """Current handlers of the signals that may be handled here; empty outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in list(before.items()):
        if number.name == "SIGHUP" and handler == signal.SIG_IGN:  # under nohup
            del before[number]
    return {number: handler for number, handler in before.items() if handler is not None}


@contextmanager
def signal_handlers(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within this block a function handles the signals that stop a program.

    Raises:
        Interrupted: a signal came before, and was lost.
    """
    before = replaceable(STOPS)
    earlier(before)
    for number in before:
        signal.signal(number, receive)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class GracefulShutdown:
    """Within this block signals raise `Interrupted`: at once, or at the next safe point.

    The signals are SIGINT, SIGTERM and SIGHUP, and SIGUSR1 and SIGUSR2, the warnings of cluster schedulers. Those that
    arrive within a second count as one: a terminal sends Ctrl-C to the whole group, and the parent passes it on.

    Attributes:
        received: the signal that was noted and not yet raised.
    """

    def __init__(self) -> None:
        self.received: Signals | None = None
        self._waits = False
        self._since: float | None = None
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = replaceable((*STOPS, *WARNINGS))
        earlier(self._before)
        self.take_over()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take_over(self) -> None:
        """Install the handlers again, in place of others such as those of a running Lightning Trainer.

        Lightning's own handler of SIGUSR1 on SLURM, which saves in the middle of a step, is not installed if there is
        one already: this one.
        """
        for number in self._before:
            signal.signal(number, self._receive)

    def wait_for_safe_point(self) -> None:
        """From now on only note a first signal, until `exit_if_requested`; a second one raises at once."""
        self._waits = True
        self.take_over()

    def stop_waiting(self) -> None:
        """From now on signals raise at once, and so does one that was noted."""
        self._waits = False
        self.exit_if_requested()

    def exit_if_requested(self) -> None:
        """Raise `Interrupted` if a signal was noted."""
        if self.received is not None:
            raise Interrupted(self.received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now, first = time.monotonic(), self._since is None
        again = self._since is not None and number in STOPS and now - self._since >= _TOGETHER
        if first:
            self._since = now
        if again or self.received is None or number in WARNINGS:  # a warning says more than the SIGTERM before it
            self.received = Signals(number)
        if again or (first and not self._waits):
            raise Interrupted(Signals(number))
        if first:
            log.warning("%s: stops after this step, with a checkpoint; once more to stop at once", Signals(number).name)


def interruption(error: BaseException | None) -> Interrupted | None:
    """The signal that an exception stands for, including exceptions of Lightning and Python."""
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
