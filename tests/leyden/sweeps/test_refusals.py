"""A sweep that can only fail is not tried to its end; one that may still succeed is."""

from pathlib import Path
from typing import Any

import pytest

from leyden.sweeps.job import Job, record_failure
from tests.leyden.sweeps.made_jobs import Listed, Made, finish, made_job, ran


def refuse(job: Job) -> None:
    record_failure(job, "monitor=val/a: is not logged", refused=True)


def grid(folder: Path) -> list[Job]:
    return [made_job(folder, f"n={n},x={x}", n=n, x=x, same=1) for n in (1, 2) for x in (1, 2)]


def test_what_is_refused_whatever_is_swept_ends_the_sweep(tmp_path: Path) -> None:
    executor = Made(refuse)
    loop, source, received = ran(tmp_path, executor, grid(tmp_path))
    assert executor.started == ["n=1,x=1", "n=1,x=2", "n=2,x=1"]  # as soon as each key has had two values
    assert loop.refusals.common == "monitor=val/a: is not logged"
    assert (len(loop.failed), source.remaining(), received) == (3, 4, None)


def test_a_search_knows_its_values_by_what_was_tried_only(tmp_path: Path) -> None:
    class Search(Listed):
        kind = "search"

    jobs = [made_job(tmp_path, f"x={x}", x=x, y=min(x, 3)) for x in (9, 8, 7, 2, 1)]
    executor = Made(refuse)
    loop, _, _ = ran(tmp_path, executor, Search(jobs))
    assert executor.started == ["x=9", "x=8", "x=7", "x=2"]  # y is 3 until then
    assert loop.refusals.common


@pytest.mark.parametrize("other", ["finished", "otherwise", "by a bug"])
def test_where_one_job_ends_otherwise_all_are_tried(other: str, tmp_path: Path) -> None:
    def does(job: Job) -> Any:
        if job.settings != {"n": 1, "x": 1, "same": 1}:
            return refuse(job)
        if other == "finished":
            return finish(job)
        return record_failure(job, "model.width=3: is too small", refused=other == "otherwise")

    executor = Made(does)
    loop, _, _ = ran(tmp_path, executor, grid(tmp_path))
    assert len(executor.started) == 4
    assert loop.refusals.common is None


def test_where_jobs_were_done_before_all_are_tried(tmp_path: Path) -> None:
    jobs = grid(tmp_path)
    finish(jobs[0])
    executor = Made(refuse)
    ran(tmp_path, executor, jobs)
    assert len(executor.started) == 3


def test_one_job_alone_says_nothing_of_others(tmp_path: Path) -> None:
    loop, _, _ = ran(tmp_path, Made(refuse), [made_job(tmp_path, "x=1", x=1)])
    assert loop.refusals.common is None
