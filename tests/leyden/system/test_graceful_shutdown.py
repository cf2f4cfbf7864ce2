"""SIGINT, SIGTERM and what schedulers warn with, sent to this process."""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from signal import SIGINT, SIGTERM, SIGUSR1, SIGUSR2, Signals

import pytest

from leyden.system import graceful_shutdown as signals
from leyden.system.graceful_shutdown import ExitOnSignal, GracefulShutdown, Interrupted


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every signal comes half a second after the one before."""
    monkeypatch.setattr(signals, "_TOGETHER", 0.0)


def interrupted(call: Callable[[], object]) -> Signals:
    """The signal that a call ends with."""
    with pytest.raises(Interrupted) as left:
        call()
    assert left.value.code == 128 + left.value.signal
    return left.value.signal


def send(number: Signals) -> None:
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM, SIGUSR1, SIGUSR2])
def test_where_nobody_defers_a_signal_is_answered_at_once(number: Signals) -> None:
    with GracefulShutdown():
        assert interrupted(lambda: send(number)) == number


def test_it_leaves_the_program_with_the_status_that_shells_know() -> None:
    assert (Interrupted(SIGINT).code, Interrupted(SIGTERM).code) == (130, 143)
    assert issubclass(Interrupted, SystemExit)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM, SIGUSR1, SIGUSR2])
def test_who_defers_is_told_and_answers_later(number: Signals, caplog: pytest.LogCaptureFixture) -> None:
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        watch.exit_if_requested()
        with caplog.at_level(logging.WARNING):
            send(number)
        assert watch.received == number
        assert caplog.messages == [
            f"{number.name}: stops after this step, with a checkpoint; once more to stop at once"
        ]
        assert interrupted(watch.stop_waiting) == number


def test_a_second_signal_is_not_waited_for(later: None) -> None:
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        send(SIGTERM)
        assert interrupted(lambda: send(SIGINT)) == SIGINT


def test_signals_that_come_together_count_as_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(signals.time, "monotonic", lambda: now)
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        with caplog.at_level(logging.WARNING):
            send(SIGINT)
            now += 0.9
            send(SIGTERM)
        assert watch.received == SIGINT
        assert len(caplog.messages) == 1
        now += 0.2
        assert interrupted(lambda: send(SIGINT)) == SIGINT
    with GracefulShutdown():
        assert interrupted(lambda: send(SIGINT)) == SIGINT
        send(SIGTERM)  # while what was open is closed


def test_a_warning_does_not_insist_and_tells_more_than_the_signal_before_it(later: None) -> None:
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        send(SIGTERM)
        send(SIGUSR2)
        assert interrupted(watch.stop_waiting) == SIGUSR2
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        send(SIGUSR2)
        send(SIGUSR2)
        assert interrupted(lambda: send(SIGTERM)) == SIGTERM


def test_a_signal_that_another_process_told_of_is_not_taken_for_a_second_one(later: None) -> None:
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        watch.received = SIGTERM
        send(SIGTERM)
        assert interrupted(watch.stop_waiting) == SIGTERM


def test_neither_torch_nor_lightning_is_imported_for_it() -> None:
    code = "import sys, leyden.system.graceful_shutdown as shutdown; shutdown.interruption(KeyboardInterrupt()); "
    code += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_what_was_noted_is_answered_when_deferring_ends_and_what_comes_then_at_once() -> None:
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        send(SIGTERM)
        assert interrupted(watch.stop_waiting) == SIGTERM
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        watch.stop_waiting()
        assert interrupted(lambda: send(SIGINT)) == SIGINT


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (SIGINT, SIGTERM)]
    with GracefulShutdown() as watch:
        watch.wait_for_safe_point()
        signal.signal(SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(SIGINT) != before[0]
    assert [signal.getsignal(number) for number in (SIGINT, SIGTERM)] == before

    watch = GracefulShutdown()
    with pytest.raises(ZeroDivisionError), watch:
        print(1 / 0)
    assert [signal.getsignal(number) for number in (SIGINT, SIGTERM)] == before


def test_whoever_took_over_meanwhile_is_replaced_by_who_defers() -> None:
    with GracefulShutdown() as watch:
        signal.signal(SIGTERM, signal.SIG_IGN)  # as Lightning does
        watch.wait_for_safe_point()
        send(SIGTERM)
        assert watch.received == SIGTERM


def test_in_a_thread_signals_are_left_alone() -> None:
    before, seen = [signal.getsignal(number) for number in (SIGINT, SIGTERM)], []

    def work() -> None:
        with GracefulShutdown() as watch:
            watch.wait_for_safe_point()
            seen.extend(signal.getsignal(number) for number in (SIGINT, SIGTERM))
            watch.stop_waiting()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == before == [signal.getsignal(number) for number in (SIGINT, SIGTERM)]


def swallowed(number: Signals) -> None:
    """Send a signal where what is raised is dropped, as Python does with whatever a destructor raises."""

    class Ends:
        def __del__(self) -> None:
            signal.raise_signal(number)

    Ends()


def program(number: Signals, call: Callable[[], object]) -> Signals:
    """The signal that a program ends with in which a call is made."""

    def run() -> None:
        with ExitOnSignal():
            call()

    return interrupted(run)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_program_ends_at_once_by_a_signal(number: Signals, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    after: list[str] = []
    assert program(number, lambda: (send(number), after.append("went on"))) == number
    assert not after
    assert capsys.readouterr().err == f"interrupted by {number.name}\n"
    assert signal.getsignal(number) == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_was_lost_ends_the_program_at_its_end() -> None:
    assert program(SIGINT, lambda: swallowed(SIGINT)) == SIGINT


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_was_lost_is_met_by_who_takes_over() -> None:
    begun: list[str] = []

    def run() -> None:
        swallowed(SIGTERM)
        with GracefulShutdown():
            begun.append("training")

    assert program(SIGTERM, run) == SIGTERM
    assert not begun


def test_who_answers_a_signal_inside_a_program_has_the_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        logging.getLogger(), "handlers", [logging.NullHandler()]
    )  # one of another test may write into a file that is closed

    def run() -> None:
        with GracefulShutdown() as watch:
            watch.wait_for_safe_point()
            send(SIGINT)
            watch.exit_if_requested()

    assert program(SIGINT, run) == SIGINT
    assert capsys.readouterr().err == ""


def test_a_program_that_is_not_interrupted_ends_as_it_does() -> None:
    with ExitOnSignal():
        pass
    with pytest.raises(SystemExit) as left, ExitOnSignal():
        raise SystemExit(2)
    assert left.value.code == 2
