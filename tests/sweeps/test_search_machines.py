import socket
from pathlib import Path
from typing import Any

import pytest

from leyden.sweeps.job import Job, outcome
from tests.sweeps.made_search import end, go_on, loss, made_search, place, states, trials_of


class Machine:
    """One of several that work on the same study."""

    def __init__(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.name, self.monkeypatch = name, monkeypatch
        self.become()
        storage = f"sqlite:///{tmp_path}/shared/study.db"
        self.search = made_search(tmp_path / name / "sweep", storage=storage, **settings)
        self.done = self.search.open()

    def become(self) -> None:
        self.monkeypatch.setattr(socket, "gethostname", lambda: self.name)

    def next(self) -> Job | None:
        self.become()
        return self.search.next()

    def finish(self, job: Job) -> None:
        end(job, loss(job.settings))
        self.search.tell(outcome(job))


def test_two_machines_together_make_exactly_n_trials(
    tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place(tmp_path / "shared", empty)
    one, two = (Machine(name, tmp_path, monkeypatch, n_trials=5) for name in ("one", "two"))
    jobs = [one.next(), two.next(), one.next(), two.next(), one.next()]
    assert one.next() is None
    assert two.next() is None
    assert len({job.name for job in jobs if job}) == 5
    for number, job in enumerate(jobs[:4]):
        assert job
        (one, two)[number % 2].finish(job)
    killed = jobs[4]
    again = Machine("two", tmp_path, monkeypatch, n_trials=5)  # leaves alone what runs elsewhere
    assert len(again.done) == 4
    assert again.next() is None
    again.search.close()
    assert "1 trials of this study are run elsewhere: one" in caplog.text
    resumed = Machine("one", tmp_path, monkeypatch, n_trials=5)
    job = resumed.next()
    assert job
    assert killed
    assert job.settings == killed.settings
    resumed.finish(job)
    assert states(tmp_path / "shared") == ["COMPLETE"] * 5


def test_a_trial_too_many_is_not_run(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path / "shared", empty)
    one, two = (Machine(name, tmp_path, monkeypatch, n_trials=1) for name in ("one", "two"))
    begin = one.search._study.begin

    def late(*arguments: Any) -> int:
        assert two.next()  # between the count and the trial of the other
        return begin(*arguments)

    monkeypatch.setattr(one.search._study, "begin", late)
    assert one.next() is None
    trials = trials_of(tmp_path / "shared")
    assert [trial.state.name for trial in trials] == ["RUNNING", "FAIL"]
    assert trials[1].user_attrs["surplus"] is True
    assert Machine("one", tmp_path, monkeypatch, n_trials=1).next() is None  # and not made up for


def test_what_was_run_elsewhere_is_told_by_the_study(folder: Path) -> None:
    job = go_on(made_search(folder, n_trials=1))[0]
    (job.dir / "run.json").unlink()
    (found,) = made_search(folder, n_trials=1).open()
    assert (found.status, found.metric("val/loss"), found.job.settings) == (
        "finished",
        loss(job.settings),
        job.settings,
    )
    assert found.job.dir == job.dir
