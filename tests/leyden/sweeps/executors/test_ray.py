"""Jobs by Ray, in a cluster of this machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from leyden.config.experiment import STORAGE
from leyden.sweeps.executors.ray import RayExecutor
from leyden.sweeps.executors.worker import cause
from leyden.system.errors import UserError
from tests.leyden.sweeps.executors.driver import LIMIT, alone, ends, execute, job, jobs, record, result, until
from tests.leyden.torture.processes import children, is_gone

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are left have as long as the machine needs to stop by themselves."""
    monkeypatch.setattr("leyden.sweeps.executors.ray._PATIENCE", LIMIT)


def test_jobs_give_the_same_bits_as_in_this_process_and_nothing_is_left(
    quick: list[str], sweep_dir: Path, tmp_path: Path
) -> None:
    before, handler = set(children(os.getpid(), all_below=True)), signal.getsignal(SIGTERM)
    fault = "+callbacks.fault._target_=tests.leyden.sweeps.faults.Fault"
    good = jobs(sweep_dir, quick)
    bad = [job(sweep_dir, kind, [*quick, fault, f"+callbacks.fault.kind={kind}"]) for kind in ("exit", "kill")]
    causes = execute(RayExecutor(n_jobs=2), sweep_dir, [*good, *bad])
    said = {"exit": "ended with exit status 7", "kill": "killed by SIGKILL"}
    assert causes == {**{one.name: None for one in good}, **said}
    for one in good:
        assert result(one) == alone(one, tmp_path / "alone")
        assert "test: loss" in (sweep_dir / "output" / f"{one.name}.txt").read_text()
    until(lambda: all(map(is_gone, set(children(os.getpid(), all_below=True)) - before)))
    assert signal.getsignal(SIGTERM) == handler


def test_a_job_stops_with_a_checkpoint_and_goes_on(long: list[str], sweep_dir: Path, tmp_path: Path) -> None:
    one, waiting, executor = job(sweep_dir, "long", long), job(sweep_dir, "waiting", long), RayExecutor(n_jobs=1)
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    try:
        executor.start(one)
        executor.start(waiting)
        until(lambda: record(one).get("epochs", 0) >= 1 or executor.wait(0.1))
        executor.stop(SIGINT)
        assert ends(executor, 2) == {"long": None, "waiting": "cancelled"}
        assert (record(one)["status"], record(one)["error"]) == ("interrupted", "SIGINT")
        executor.start(one)
        assert ends(executor, 1) == {"long": None}
        executor.start(job(sweep_dir, "left", [*long, "trainer.max_epochs=1000"]))
        until(lambda: record(job(sweep_dir, "left", long)).get("epochs", 0) >= 1)
    finally:
        executor.close()
    assert result(one) == alone(one, tmp_path / "alone")
    left = record(job(sweep_dir, "left", long))
    assert left["status"] == "interrupted"
    assert is_gone(left["pid"])


KILLED = """
import os, sys, signal
from pathlib import Path
from leyden.sweeps.executors.ray import RayExecutor
from tests.leyden.sweeps.executors.driver import job, record, until
sweep_dir, *settings = sys.argv[1:]
one, executor = job(Path(sweep_dir), "long", settings), RayExecutor(n_jobs=1)
Path(sweep_dir).mkdir()
executor.open(Path(sweep_dir), [one])
executor.start(one)
until(lambda: record(one).get("epochs", 0) >= 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_sweep_that_is_killed_leaves_nothing_but_a_checkpoint(long: list[str], sweep_dir: Path) -> None:
    settings = [*long, "trainer.max_epochs=1000"]
    subprocess.run([sys.executable, "-c", KILLED, str(sweep_dir), *settings], timeout=LIMIT, capture_output=True)
    one = job(sweep_dir, "long", settings)
    until(lambda: is_gone(record(one)["pid"]))
    assert (record(one)["status"], record(one)["error"]) == ("interrupted", "SIGTERM")


def test_what_the_cluster_does_not_have_is_one_line(quick: list[str], sweep_dir: Path) -> None:
    executor = RayExecutor(num_gpus=3)
    with pytest.raises(UserError, match="a job needs 1 CPUs and 3 GPUs, and there are"):
        executor.open(sweep_dir, [job(sweep_dir, "one", quick)])
    executor.close()


def test_a_cluster_that_is_not_there_is_one_line(quick: list[str], sweep_dir: Path) -> None:
    with pytest.raises(UserError, match="hydra/launcher=ray: Ray cannot be started or reached"):
        RayExecutor(address="auto").open(sweep_dir, [job(sweep_dir, "one", quick)])


@pytest.mark.parametrize(
    ("status", "said"),
    [(0, None), (1, None), (130, None), (143, None), (7, "ended with exit status 7"), (-11, "killed by SIGSEGV")],
)
def test_the_exit_status_of_a_job_in_words(status: int, said: str | None) -> None:
    assert cause(status) == said


def test_the_database_of_a_study_is_handed_over(
    quick: list[str], sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE, "postgresql://me:secret@host/studies")
    executor = RayExecutor(n_jobs=1)
    executor.open(sweep_dir, jobs(sweep_dir, quick, 1))
    executor.close()
    assert executor._environment[STORAGE] == "postgresql://me:secret@host/studies"
