"""Ctrl-C, SIGTERM and the warnings of schedulers, turned into an end at which nothing is lost."""

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


class ExitOnSignal:
    """Within this block, which is that of a whole program, signals raise `Interrupted`, and none is lost.

    Code that is called meanwhile, such as the destructor of an object, may drop what is raised within it. So whoever
    takes over signals inside asks for one that came before (`earlier`), and the end of the block raises again.
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
        """The handler of all."""
        self.received = self.received or Signals(number)
        self._raised = Interrupted(self.received)
        raise self._raised


def earlier(before: Mapping[Signals, Any]) -> None:
    """Raise `Interrupted` if a signal came before the handlers of an `ExitOnSignal` were replaced, and was lost."""
    for handler in before.values():
        ending = getattr(handler, "__self__", None)
        if isinstance(ending, ExitOnSignal) and ending.received is not None:
            raise Interrupted(ending.received)


def replaceable(numbers: Iterable[Signals]) -> dict[Signals, Any]:
    """The handlers that may be replaced, by the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in list(before.items()):
        if number.name == "SIGHUP" and handler == signal.SIG_IGN:  # under nohup, which means it
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
    """Within this block signals raise `Interrupted`; at once, or where whoever is in charge lets them.

    That is SIGINT, SIGTERM and SIGHUP, and SIGUSR1 and SIGUSR2, with which schedulers warn. Those that arrive within a
    second count as one: a terminal sends Ctrl-C to the whole group, and who started this process passes it on.

    Attributes:
        received: the signal that somebody who deferred is still to answer.
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
        """Be the one that is told, whoever was in between (Lightning is, while its Trainer runs).

        Lightning's own answer to SIGUSR1 on SLURM, a checkpoint in the middle of a step, gives way to a handler that is
        there before it: this one.
        """
        for number in self._before:
            signal.signal(number, self._receive)

    def wait_for_safe_point(self) -> None:
        """From now on a first signal is only noted, until `answer` is called; a second one is not waited for."""
        self._waits = True
        self.take_over()

    def stop_waiting(self) -> None:
        """From now on signals are answered at once, and one that was noted is answered now."""
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
        if again or self.received is None or number in WARNINGS:  # a warning tells more than the SIGTERM before it
            self.received = Signals(number)
        if again or (first and not self._waits):
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
