"""Jobs of a sweep are begun, waited for and stopped, whatever becomes of one of them."""

import json
import os
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from leyden.records.record import SWEEP, read_record, write_record
from leyden.sweeps.job import Job
from tests.leyden.sweeps.made_jobs import Made, finish, made_job, ran


def kept(folder: Path) -> dict[str, dict[str, object]]:
    return {job["name"]: job for job in json.loads((folder / SWEEP).read_text())["jobs"]}


def test_every_job_is_executed_once_and_no_more_at_a_time_than_there_are_slots(tmp_path: Path) -> None:
    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(5)]
    executor = Made(finish, slots=2)
    _, source, received = ran(tmp_path, executor, jobs)
    assert executor.started == [job.name for job in jobs]
    assert executor.most == 2
    assert [found.status for found in source.told] == ["finished"] * 5
    assert received is None
    assert {name: job["values"] for name, job in kept(tmp_path).items()} == {
        job.name: {"val/loss": 0.5} for job in jobs
    }


def test_what_is_done_is_left_alone(tmp_path: Path) -> None:
    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(3)]
    finish(jobs[1])
    executor = Made(finish)
    ran(tmp_path, executor, jobs)
    assert executor.started == ["x=0", "x=2"]


def test_a_job_that_dies_is_recorded_with_its_cause_and_the_others_go_on(tmp_path: Path) -> None:
    def does(job: Job) -> str | None:
        match job.settings["x"]:
            case 0:
                return "killed by SIGKILL"  # before its run had a directory
            case 1:
                finish(job, status="running")
                return "ended with exit status 7"
            case 2:
                return finish(job, status="running")  # without a word
        return finish(job)

    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(4)]
    loop, source, _ = ran(tmp_path, Made(does), jobs)
    assert [job.name for job in loop.failed] == ["x=0", "x=1", "x=2"]
    assert [found.error for found in source.told] == [
        "killed by SIGKILL",
        "ended with exit status 7",
        "ended without a result",
        None,
    ]
    assert kept(tmp_path)["x=0"]["error"] == "killed by SIGKILL"
    assert json.loads((jobs[1].dir / "run.json").read_text())["error"] == "ended with exit status 7"


def test_nothing_more_begins_after_a_failure_if_that_is_wished(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(4)]
    executor = Made(lambda job: "killed by SIGKILL", slots=2)
    ran(tmp_path, executor, jobs, stop=True)
    assert executor.started == ["x=0", "x=1"]
    assert caplog.messages.count("sweep.on_error=stop: no more jobs are started; 1 still running") == 1


def test_a_signal_stops_all_and_what_was_stopped_is_no_failure(tmp_path: Path) -> None:
    def does(job: Job) -> str | None:
        os.kill(os.getpid(), signal.SIGTERM)
        return "killed by SIGTERM"

    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(4)]
    executor = Made(does, slots=2)
    loop, source, received = ran(tmp_path, executor, jobs)
    assert received == signal.SIGTERM
    assert executor.started == ["x=0", "x=1"]
    assert executor.stops[0] == signal.SIGTERM
    assert [found.status for found in source.told] == ["interrupted"] * 2
    assert loop.failed == []


def test_after_a_signal_that_comes_while_a_job_is_started_nothing_more_begins(tmp_path: Path) -> None:
    class Slow(Made):
        def start(self, job: Job) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            super().start(job)

    executor = Slow(lambda job: "killed by SIGTERM", slots=3)
    _, _, received = ran(tmp_path, executor, [made_job(tmp_path, f"x={x}", x=x) for x in range(4)])
    assert (received, executor.started) == (signal.SIGTERM, ["x=0"])


def test_a_job_that_somebody_else_interrupts_has_failed(tmp_path: Path) -> None:
    def does(job: Job) -> None:
        finish(job, status="interrupted")
        write_record(job.dir, read_record(job.dir) | {"error": "SIGTERM"})

    loop, source, received = ran(tmp_path, Made(does), [made_job(tmp_path, "x=1", x=1)])
    assert (len(loop.failed), received) == (1, None)
    assert [(found.status, found.error) for found in source.told] == [("failed", "interrupted by SIGTERM")]


def test_a_record_that_cannot_be_read_fails_its_own_job_only(tmp_path: Path) -> None:
    def does(job: Job) -> None:
        finish(job)
        if job.settings["x"] == 0:
            (jobs[1].dir / "run.json").parent.mkdir()
            (jobs[1].dir / "run.json").write_text("{")
        if job.settings["x"] == 1:
            (jobs[1].dir / "run.json").write_text("{")

    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(3)]
    loop, source, _ = ran(tmp_path, Made(does), jobs)
    assert len(loop.failed) == 1
    assert [found.status for found in source.told] == ["finished", "failed", "finished"]
    assert "cannot be read" in str(source.told[1].error)


def test_a_job_whose_workers_still_hold_it_is_judged_when_they_let_go(tmp_path: Path) -> None:
    def does(job: Job) -> str | None:
        if job is jobs[1]:
            worker.release()
            return finish(job)
        finish(job, status="running")
        worker.acquire()
        return "killed by SIGKILL"

    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(2)]
    worker = FileLock(jobs[0].dir / ".lock")
    executor = Made(does, slots=2)
    _, source, _ = ran(tmp_path, executor, jobs)
    assert executor.started == ["x=0", "x=1"]  # each once
    assert {found.job.name: found.error for found in source.told} == {"x=0": "killed by SIGKILL", "x=1": None}


def test_a_job_that_a_process_is_still_at_work_on_is_waited_for(tmp_path: Path) -> None:
    jobs = [made_job(tmp_path, f"x={x}", x=x) for x in range(2)]
    finish(jobs[0], status="running")
    other = FileLock(jobs[0].dir / ".lock")
    other.acquire()

    def does(job: Job) -> None:
        finish(job)
        if job is jobs[1]:  # by then the other process has finished the first
            finish(jobs[0], value=0.25)
            other.release()

    executor = Made(does, slots=2)
    _, source, _ = ran(tmp_path, executor, jobs)
    assert executor.started == ["x=1"]
    assert [found.metric("val/loss") for found in source.told] == [0.5, 0.25]


def test_a_job_that_the_executor_holds_since_before_is_taken_over(tmp_path: Path) -> None:
    job = made_job(tmp_path, "x=1", x=1)
    finish(job, status="running")
    at_work = FileLock(job.dir / ".lock")
    at_work.acquire()

    def does(job: Job) -> None:
        finish(job)
        at_work.release()

    executor = Made(does)
    executor.held.append("x=1")
    ran(tmp_path, executor, [job])
    assert executor.started == ["x=1"]
