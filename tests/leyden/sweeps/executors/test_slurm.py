"""Jobs by submitit: on this machine, and on a SLURM that is not one."""

import os
import signal
from pathlib import Path
from signal import SIGINT, SIGUSR2
from subprocess import CalledProcessError

import pytest
from submitit.core.utils import UncompletedJobError

from leyden.sweeps.executors.slurm import SlurmExecutor
from leyden.sweeps.executors.slurm_task import SlurmTask
from leyden.system.errors import UserError
from tests.leyden.sweeps.executors import fake_slurm
from tests.leyden.sweeps.executors.driver import LIMIT, alone, ends, execute, job, jobs, record, result, until
from tests.leyden.torture.processes import is_gone

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are left have as long as the machine needs to stop by themselves."""
    monkeypatch.setattr("leyden.sweeps.executors.slurm._PATIENCE", LIMIT)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SLURM, as far as anybody can tell."""
    fake_slurm.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("leyden.sweeps.executors.slurm_scheduler._EVERY", 0.5)


def test_jobs_give_the_same_bits_as_in_this_process_and_leave_the_same_files(
    quick: list[str], sweep_dir: Path, tmp_path: Path
) -> None:
    todo = jobs(sweep_dir, quick)
    assert execute(SlurmExecutor(cluster="local", n_jobs=2), sweep_dir, todo) == {one.name: None for one in todo}
    for one in todo:
        assert result(one) == alone(one, tmp_path / "alone")
        assert "test: loss" in (sweep_dir / "output" / f"{one.name}.txt").read_text()
    assert not list((sweep_dir / "output").glob("*.pkl"))


@pytest.mark.parametrize("cluster", ["local", "slurm"])
def test_when_slurm_warns_a_job_stops_with_a_checkpoint_is_requeued_and_ends_as_if_nothing_had_been(
    cluster: str, long: list[str], sweep_dir: Path, tmp_path: Path, slurm: None
) -> None:
    one, executor = job(sweep_dir, "long", long), SlurmExecutor(cluster=cluster)
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    try:
        executor.start(one)
        until(lambda: record(one).get("epochs", 0) >= 1)
        os.kill(record(one)["pid"], SIGUSR2)
        until(lambda: record(one).get("resumed"))
        assert ends(executor, 1) == {"long": None}
    finally:
        executor.close()
    assert result(one) == alone(one, tmp_path / "alone")
    printed = (sweep_dir / "output" / "long.txt").read_text()
    assert "SIGUSR2: stops after this step" in printed
    assert "Requeued job" in printed
    assert "resuming from last.ckpt" in printed


def test_the_processes_of_a_job_that_trains_on_several_devices_stop_and_begin_again_together(
    long: list[str], sweep_dir: Path, tmp_path: Path, slurm: None
) -> None:
    one, executor = job(sweep_dir, "long", [*long, "trainer=ddp_cpu", "trainer.log_every_n_steps=5"]), SlurmExecutor()
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    try:
        executor.start(one)
        until(lambda: record(one).get("epochs", 0) >= 1)
        (pids,) = (tmp_path / "slurm" / "state").glob("*.pid")
        for pid in pids.read_text().split():
            os.kill(int(pid), SIGUSR2)
        until(lambda: record(one).get("resumed"))
        assert ends(executor, 1) == {"long": None}
    finally:
        executor.close()
    assert record(one)["status"] == "finished"
    assert record(one)["steps"] == 10 * 64
    assert len(list((sweep_dir / "output").glob(f"{pids.stem}_*_log.out"))) == 2


def test_a_job_whose_time_is_over_too_often_has_failed(quick: list[str], sweep_dir: Path) -> None:
    def handler(number: int, frame: None) -> None:
        raise UncompletedJobError("Job not requeued because: timed-out too many times.")

    one = job(sweep_dir, "one", quick)
    before = signal.getsignal(SIGUSR2)
    with pytest.raises(SystemExit):
        SlurmTask(one)._requeue(handler, SIGUSR2)
    assert signal.getsignal(SIGUSR2) == before
    assert (record(one)["status"], record(one)["error"].partition(";")[0]) == ("failed", "time limit reached too often")


def test_a_job_that_slurm_does_not_queue_again_has_failed(quick: list[str], sweep_dir: Path) -> None:
    def handler(number: int, frame: None) -> None:
        raise CalledProcessError(1, ["scontrol", "requeue", "1000"])

    one = job(sweep_dir, "one", quick)
    with pytest.raises(SystemExit):
        SlurmTask(one)._requeue(handler, SIGUSR2)
    assert record(one)["error"].endswith("SLURM did not requeue it (scontrol requeue)")


def test_who_comes_later_waits_for_a_job_that_runs_stops_it_with_a_checkpoint_and_goes_on(
    long: list[str], sweep_dir: Path, tmp_path: Path
) -> None:
    one, killed, executor = job(sweep_dir, "long", long), SlurmExecutor(cluster="local"), SlurmExecutor(cluster="local")
    sweep_dir.mkdir()
    killed.open(sweep_dir, [one])
    killed.start(one)
    until(lambda: record(one).get("epochs", 0) >= 1)
    pid = record(one)["pid"]

    executor.open(sweep_dir, [one])
    try:
        executor.start(one)
        assert executor.wait(0.5) == []
        assert len(list((sweep_dir / "output").glob("*.out"))) == 1
        executor.stop(SIGINT)
        assert ends(executor, 1) == {"long": None}
        assert (record(one)["status"], record(one)["error"]) == ("interrupted", "SIGTERM")
        assert is_gone(pid)
        executor.start(one)
        assert ends(executor, 1) == {"long": None}
    finally:
        executor.close()
    assert len(list((sweep_dir / "output").glob("*.out"))) == 2
    assert result(one) == alone(one, tmp_path / "alone")


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ("local", {"raise": None, "exit": "its process ended without a result"}),
        ("slurm", {"exit": "ended with exit status 7", "kill": "killed by SIGKILL"}),
        ("slurm without accounts", {"exit": "ended with exit status 7", "kill": "killed by SIGKILL"}),
    ],
)
def test_what_a_job_does_to_its_process_is_told(
    cluster: str, told: dict[str, str | None], quick: list[str], sweep_dir: Path, tmp_path: Path, slurm: None
) -> None:
    cluster, _, without = cluster.partition(" ")
    if without:
        fake_slurm.install(tmp_path / "slurm", accounts=False)
    fault = "+callbacks.fault._target_=tests.leyden.sweeps.faults.Fault"
    todo = [job(sweep_dir, kind, [*quick, fault, f"+callbacks.fault.kind={kind}"]) for kind in told]
    assert execute(SlurmExecutor(cluster=cluster, n_jobs=2), sweep_dir, todo) == told
    if "raise" in told:
        assert record(todo[0])["error"] == "ValueError: this one raises"
        assert "ValueError: this one raises" in (sweep_dir / "output" / "raise.txt").read_text()


def test_what_is_left_when_it_closes_ends(long: list[str], sweep_dir: Path) -> None:
    one, executor = job(sweep_dir, "long", [*long, "trainer.max_epochs=1000"]), SlurmExecutor(cluster="local")
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    executor.start(one)
    until(lambda: record(one).get("epochs", 0) >= 1)
    executor.close()
    assert is_gone(record(one)["pid"])
    assert record(one)["status"] == "interrupted"


def test_what_sbatch_refuses_is_one_line(quick: list[str], sweep_dir: Path, slurm: None) -> None:
    one, executor = job(sweep_dir, "one", quick), SlurmExecutor(partition="wrong")
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    with pytest.raises(UserError, match=r"^hydra/launcher=slurm: sbatch: error: invalid partition specified: wrong$"):
        executor.start(one)
    executor.close()


def test_slurm_is_asked_to_stop_jobs_by_sigterm_and_the_next_sweep_submits_them_again(
    long: list[str], sweep_dir: Path, slurm: None
) -> None:
    one, executor = job(sweep_dir, "long", [*long, "trainer.max_epochs=1000"]), SlurmExecutor()
    sweep_dir.mkdir()
    executor.open(sweep_dir, [one])
    executor.start(one)
    until(lambda: record(one).get("epochs", 0) >= 1)
    executor.stop(SIGINT)
    assert ends(executor, 1) == {"long": None}
    assert (record(one)["status"], record(one)["error"]) == ("interrupted", "SIGTERM")
    executor.start(one)
    until(lambda: record(one).get("resumed"))
    executor.close()
    assert record(one)["status"] == "interrupted"
    assert len(list((sweep_dir / "output").glob("*_submission.sh"))) == 2
