"""Log output of a program."""

import errno
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from leyden.system.console import set_up_logging


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, chatty = logging.getLogger(), logging.getLogger("lightning.pytorch.utilities.rank_zero")
    handlers, level, quiet = root.handlers[:], root.level, chatty.level
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
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
