import os
import signal
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

from leyden.sweeps.executors import local
from leyden.sweeps.executors.fork_server import ForkServer
from leyden.sweeps.executors.local import LocalExecutor
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import Interrupted
from leyden.system.processes import cpus
from tests.leyden.sweeps.made_jobs import made_job

CORES = cpus()


class Started:
    """A process that is none, and never ends."""

    pid, exitcode, sentinel = None, None, 0

    def __init__(self, target: Any, args: Sequence[Any], name: str) -> None:
        self.job, self.output, self.environment, self.threads = args

    def start(self) -> None:
        pass

    def is_alive(self) -> bool:
        return False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """What would be started on a machine with four GPUs."""
    made: list[Started] = []

    def make(**arguments: Any) -> Started:
        made.append(Started(**arguments))
        return made[-1]

    monkeypatch.setattr(ForkServer, "begin", lambda self: None)
    monkeypatch.setattr(ForkServer, "is_ready", lambda self, seconds=0.1: True)
    monkeypatch.setattr(LocalExecutor, "_gpus", lambda self: ["4", "5", "6", "7"])
    monkeypatch.setattr(ForkServerContext, "Process", staticmethod(make))
    return made


def job_with(folder: Path, number: int, **trainer: Any) -> Job:
    job = made_job(folder, f"x={number}", x=number)
    job.experiment.config["trainer"] = trainer
    return job


def opened(folder: Path, n_jobs: int | None, jobs: Sequence[Job]) -> LocalExecutor:
    executor = LocalExecutor(n_jobs)
    executor.open(folder, jobs)
    for job in jobs[: executor.slots]:
        executor.start(job)
    return executor


def test_each_job_has_a_device_of_its_own(started: list[Started], tmp_path: Path) -> None:
    executor = opened(tmp_path, None, [job_with(tmp_path, number, devices=1) for number in range(5)])
    assert executor.slots == 4
    assert [process.environment["CUDA_VISIBLE_DEVICES"] for process in started] == ["4", "5", "6", "7"]


def test_a_job_of_several_devices_has_several(started: list[Started], tmp_path: Path) -> None:
    executor = opened(tmp_path, None, [job_with(tmp_path, number, devices=2) for number in range(3)])
    assert executor.slots == 2
    assert [process.environment["CUDA_VISIBLE_DEVICES"] for process in started] == ["4,5", "6,7"]


def test_a_job_of_all_devices_has_them_to_itself(started: list[Started], tmp_path: Path) -> None:
    executor = opened(tmp_path, None, [job_with(tmp_path, number, devices=-1) for number in range(2)])
    assert executor.slots == 1


def test_more_jobs_than_devices_share_them(started: list[Started], tmp_path: Path) -> None:
    opened(tmp_path, 6, [job_with(tmp_path, number, devices=1) for number in range(6)])
    assert [process.environment["CUDA_VISIBLE_DEVICES"] for process in started] == ["4", "5", "6", "7", "4", "5"]


def test_on_a_cpu_jobs_divide_the_cores(started: list[Started], tmp_path: Path) -> None:
    jobs = [job_with(tmp_path, number, accelerator="cpu", devices=1) for number in range(CORES)]
    executor = opened(tmp_path, None, jobs)
    assert executor.slots == CORES
    assert "CUDA_VISIBLE_DEVICES" not in started[0].environment
    if CORES > 1:
        assert started[0].threads == 1
        assert started[0].environment["OMP_NUM_THREADS"] == "1"
        assert started[0].output == tmp_path / "output" / "x=0.txt"


def test_a_job_alone_has_the_machine_and_prints_to_a_file_too(started: list[Started], tmp_path: Path) -> None:
    executor = opened(tmp_path, 1, [job_with(tmp_path, 0, devices=1)])
    assert (started[0].environment, started[0].threads) == ({}, None)
    assert started[0].output == tmp_path / "output" / "x=0.txt"
    assert executor.output == tmp_path / "output"


def test_a_signal_that_comes_while_a_job_is_started_reaches_it(
    started: list[Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, executor, told = job_with(tmp_path, 1), LocalExecutor(2), list[tuple[int, int]]()
    executor.open(tmp_path, [job])
    monkeypatch.setattr(Started, "start", lambda self: executor.stop(Signals.SIGTERM))
    monkeypatch.setattr(Started, "pid", 123)
    monkeypatch.setattr(Started, "is_alive", lambda self: True)
    monkeypatch.setattr(os, "kill", lambda *what: told.append(what))
    executor.start(job)
    assert told == [(123, Signals.SIGTERM)]


def test_a_signal_is_not_kept_waiting_until_torch_is_imported(
    started: list[Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, executor, asked = job_with(tmp_path, 1), LocalExecutor(1), list[str]()

    def not_ready(server: ForkServer, seconds: float = 0.1) -> bool:
        asked.append("")
        if len(asked) == 3:
            executor.stop(Signals.SIGINT)  # as the handler of a signal does
        return False

    ended: list[str] = []
    executor.open(tmp_path, [job])
    monkeypatch.setattr(ForkServer, "is_ready", not_ready)
    monkeypatch.setattr(ForkServer, "end", lambda server: ended.append("server"))
    executor.start(job)
    assert [end.job for end in executor.wait(60.0)] == [job]
    assert not started
    executor.close()
    assert ended == ["server"]


def test_a_signal_while_gpus_are_counted_ends_the_server(
    started: list[Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    def interrupted(executor: LocalExecutor) -> list[str]:
        raise Interrupted(Signals.SIGTERM)

    monkeypatch.setattr(LocalExecutor, "_gpus", interrupted)
    monkeypatch.setattr(ForkServer, "is_ready", lambda self, seconds=0.1: False)
    monkeypatch.setattr(ForkServer, "end", lambda server: ended.append("server"))
    with pytest.raises(Interrupted):
        LocalExecutor(1).open(tmp_path, [job_with(tmp_path, 1)])
    assert ended == ["server"]


@pytest.mark.parametrize("number", [0, -1, "two"])
def test_a_number_of_jobs_that_is_none_is_refused(number: Any) -> None:
    with pytest.raises(UserError, match=r"hydra\.launcher\.n_jobs="):
        LocalExecutor(number)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, None),
        (1, None),
        (130, None),
        (143, None),
        (7, "ended with exit status 7"),
        (-signal.SIGKILL, "killed by SIGKILL"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
    ],
)
def test_how_a_process_ended_in_words(code: int, told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_count_oom_kills", lambda: 0)
    assert LocalExecutor()._cause(code) == told


def test_a_kill_for_want_of_memory_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = LocalExecutor()
    monkeypatch.setattr(local, "_count_oom_kills", lambda: 1)
    assert executor._cause(-Signals.SIGKILL) == "killed by SIGKILL: the machine was out of memory"


def test_what_a_job_prints_is_kept_and_its_end_noticed(tmp_path: Path) -> None:
    """In a real process, which ends before it trains: its experiment is none."""
    job = made_job(tmp_path, "x=1", x=1)
    executor = LocalExecutor(2)
    executor.open(tmp_path, [job_with(tmp_path, 1, accelerator="cpu")])
    executor.start(job)
    try:
        ended = []
        for _ in range(240):
            ended += executor.wait(0.5)
            if ended:
                break
        assert [(end.job.name, end.cause) for end in ended] == [("x=1", None)]
        assert "KeyError" in (tmp_path / "output" / "x=1.txt").read_text()
    finally:
        executor.close()
