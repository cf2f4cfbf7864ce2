"""Ctrl-C and SIGTERM, turned into an end at which nothing is lost."""

import logging
import signal
import threading
from signal import Signals
from types import FrameType, TracebackType
from typing import Any, Self

from lightning.pytorch.utilities.exceptions import SIGTERMException

log = logging.getLogger(__name__)
_WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interrupted(SystemExit):
    """Leaves the program with the status that shells and schedulers know: 130 after SIGINT, 143 after SIGTERM."""

    def __init__(self, received: Signals) -> None:
        super().__init__(128 + received)
        self.signal = received


class Watch:
    """Within this block SIGINT and SIGTERM raise `Interrupted`; at once, or where whoever is in charge lets them.

    Attributes:
        received: the signal that somebody who deferred is still to answer.
    """

    def __init__(self) -> None:
        self.received: Signals | None = None
        self._deferring = False
        self._before: dict[Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in _WATCHED}
            self.take_over()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take_over(self) -> None:
        """Be the one that is told, whoever was in between (Lightning is, while its Trainer runs)."""
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
        again, self.received = self.received is not None, Signals(number)
        if again or not self._deferring:
            raise Interrupted(self.received)
        log.warning("%s: stops after this step, with a checkpoint; once more to stop at once", self.received.name)


def interruption(error: BaseException | None) -> Interrupted | None:
    """The signal that an exception stands for, Lightning's own and Python's included."""
    if isinstance(error, Interrupted):
        return error
    if isinstance(error, SIGTERMException):
        return Interrupted(Signals.SIGTERM)
    if isinstance(error, KeyboardInterrupt) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)
    ):
        return Interrupted(Signals.SIGINT)
    return None
