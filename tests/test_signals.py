"""SIGINT and SIGTERM, sent to this process."""

import logging
import signal
import threading
from collections.abc import Callable
from signal import SIGINT, SIGTERM, Signals

import pytest

from leyden.signals import Interrupted, Watch


def interrupted(call: Callable[[], object]) -> Signals:
    """The signal that a call ends with."""
    with pytest.raises(Interrupted) as left:
        call()
    assert left.value.code == 128 + left.value.signal
    return left.value.signal


def send(number: Signals) -> None:
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_where_nobody_defers_a_signal_is_answered_at_once(number: Signals) -> None:
    with Watch():
        assert interrupted(lambda: send(number)) == number


def test_it_leaves_the_program_with_the_status_that_shells_know() -> None:
    assert (Interrupted(SIGINT).code, Interrupted(SIGTERM).code) == (130, 143)
    assert issubclass(Interrupted, SystemExit)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_who_defers_is_told_and_answers_later(number: Signals, caplog: pytest.LogCaptureFixture) -> None:
    with Watch() as watch:
        watch.defer()
        watch.answer()
        with caplog.at_level(logging.WARNING):
            send(number)
        assert watch.received == number
        assert caplog.messages == [
            f"{number.name}: stops after this step, with a checkpoint; once more to stop at once"
        ]
        assert interrupted(watch.answer) == number


def test_a_second_signal_is_not_waited_for() -> None:
    with Watch() as watch:
        watch.defer()
        send(SIGTERM)
        assert interrupted(lambda: send(SIGINT)) == SIGINT


def test_what_was_noted_is_answered_when_deferring_ends_and_what_comes_then_at_once() -> None:
    with Watch() as watch:
        watch.defer()
        send(SIGTERM)
        assert interrupted(watch.stop_deferring) == SIGTERM
    with Watch() as watch:
        watch.defer()
        watch.stop_deferring()
        assert interrupted(lambda: send(SIGINT)) == SIGINT


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
    with Watch() as watch:
        watch.defer()
        signal.signal(SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(SIGINT) != before[0]
    assert [signal.getsignal(number) for number in (SIGINT, SIGTERM)] == before

    watch = Watch()
    with pytest.raises(ZeroDivisionError), watch:
        print(1 / 0)
    assert [signal.getsignal(number) for number in (SIGINT, SIGTERM)] == before


def test_whoever_took_over_meanwhile_is_replaced_by_who_defers() -> None:
    with Watch() as watch:
        signal.signal(SIGTERM, signal.SIG_IGN)  # as Lightning does
        watch.defer()
        send(SIGTERM)
        assert watch.received == SIGTERM


def test_in_a_thread_signals_are_left_alone() -> None:
    before, seen = [signal.getsignal(number) for number in (SIGINT, SIGTERM)], []

    def work() -> None:
        with Watch() as watch:
            watch.defer()
            seen.extend(signal.getsignal(number) for number in (SIGINT, SIGTERM))
            watch.stop_deferring()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == before == [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
