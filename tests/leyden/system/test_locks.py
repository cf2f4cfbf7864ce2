"""Locks: one process writes into a directory, and others wait for a limited time."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from leyden.system.locks import hold, is_alive, is_live

HOLD = "import sys; from pathlib import Path; from leyden.system.locks import hold; held = hold(Path(sys.argv[1]), {})"
HOLD += "; print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which writes into tmp_path."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        yield other
        other.kill()


@pytest.fixture
def ended() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_one_process_at_a_time_writes_into_a_directory_until_it_is_killed(
    holder: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.system.locks._MOMENT", 0.1)
    alive = {"host": socket.gethostname(), "pid": holder.pid}
    assert is_live(tmp_path)
    with pytest.raises(Timeout):
        hold(tmp_path, alive)
    holder.kill()
    holder.wait()
    assert not is_live(tmp_path)
    with hold(tmp_path, alive):
        assert is_live(tmp_path)


def test_workers_of_what_was_killed_on_this_machine_are_waited_for(
    tmp_path: Path, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def noted(self: FileLock, timeout: float) -> None:
        waits.append(timeout)
        raise Timeout(self.lock_file)

    monkeypatch.setattr(FileLock, "acquire", noted)
    here = socket.gethostname()
    for last in ({"host": here, "pid": ended}, {"host": here, "pid": os.getpid()}, {"host": "else", "pid": ended}, {}):
        with pytest.raises(Timeout):
            hold(tmp_path, last)
    assert waits == [15.0, 1.0, 1.0, 1.0]


def test_a_process_is_alive_or_not(ended: int) -> None:
    assert is_alive(os.getpid())
    assert not is_alive(ended)
    assert not is_alive(None)


def test_a_process_of_somebody_else_is_alive_and_a_directory_of_theirs_is_not_ours_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert is_alive(1)
    (tmp_path / ".lock").touch()
    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert not is_live(tmp_path)
