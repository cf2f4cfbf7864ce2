"""Log output of a program."""

import errno
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import rich
from rich.console import Console

from leyden.system.console import has_live_display, log_line, set_up_logging

log = logging.getLogger("leyden.made")


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, chatty = logging.getLogger(), logging.getLogger("lightning.pytorch.utilities.rank_zero")
    handlers, level, quiet = root.handlers[:], root.level, chatty.level
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    console = Console()
    monkeypatch.setattr(rich, "get_console", lambda: console)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    chatty.setLevel(quiet)
    logging.captureWarnings(False)


def in_a_thread(task: Callable[[], None]) -> None:
    set_up_logging()
    thread = threading.Thread(target=task)
    thread.start()
    thread.join()


def test_a_thread_that_meets_a_full_disk_says_so_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise OSError(errno.ENOSPC, "No space left")

    in_a_thread(write)
    said = capsys.readouterr()
    assert said.out.endswith("not everything was written (No space left)\n")
    assert said.err == ""


def test_what_else_goes_wrong_in_a_thread_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise KeyError("bug")

    in_a_thread(fail)
    assert "Traceback" in capsys.readouterr().err


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """Output of a terminal of this width, without colours."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=width, no_color=True, highlight=False)
    monkeypatch.setattr(rich, "get_console", lambda: console)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    return output


def test_a_pipe_has_a_time_in_each_line_and_the_longest_form(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    log_line(log, "epoch 1  loss 0.5      ", "epoch 1")
    assert capsys.readouterr().out[8:] == " epoch 1  loss 0.5\n"
    assert not has_live_display()


def test_a_terminal_has_no_times_and_a_form_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    output = on_a_terminal(monkeypatch, 12)
    set_up_logging()
    log_line(log, "epoch 1  loss 0.5", "epoch 1")
    assert output.getvalue() == "epoch 1\n"
    assert has_live_display()


def test_a_long_line_of_a_terminal_can_be_copied_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    output = on_a_terminal(monkeypatch, 20)
    set_up_logging()
    log.info("python train.py resume=%s [bold] 100 %%", "x" * 40)
    assert output.getvalue() == f"python train.py resume={'x' * 40} [bold] 100 %\n"


def test_colours_in_a_file_are_no_reason_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_terminal(monkeypatch, 80)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)  # FORCE_COLOR=1 python train.py | less -R
    set_up_logging()
    assert not has_live_display()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_quietly_only_errors_are_printed(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = on_a_terminal(monkeypatch, 80) if is_terminal else io.StringIO()
    set_up_logging(quiet=True)
    kept = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(kept))  # as train.log
    log.info("epoch 1")
    log.warning("the loss is nan")
    rich.get_console().print("a table")
    assert not has_live_display()
    log.error("1 job failed")
    said = capsys.readouterr()
    assert (output.getvalue(), said.out) == ("", "")
    assert said.err[8:] == " 1 job failed\n"
    assert kept.getvalue() == "epoch 1\nthe loss is nan\n1 job failed\n"
    set_up_logging()
    assert not rich.get_console().quiet


def test_a_stdout_without_unicode_shows_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    set_up_logging()
    log.info("images of 1×28×28")
    assert raw.getvalue()[8:] == b" images of 1?28?28\n"
