import socket
from pathlib import Path
from typing import Any

import pytest
from optuna.pruners import NopPruner
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import IntegrityError

from leyden.studies import storage as studies
from leyden.sweeps import study
from leyden.sweeps.job import Job, read_outcome
from tests.leyden.sweeps.made_search import SAMPLERS, end, go_on, loss, made_search, place, states, trials_of


class Machine:
    """One of several that work on the same study."""

    def __init__(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.name, self.monkeypatch = name, monkeypatch
        self.become()
        storage = f"sqlite:///{tmp_path}/shared/study.db"
        folder = tmp_path / name / "sweep"
        folder.mkdir(parents=True, exist_ok=True)
        self.search = made_search(folder, storage=storage, **settings)
        self.done = self.search.open()

    def become(self) -> None:
        self.monkeypatch.setattr(socket, "gethostname", lambda: self.name)

    def ask(self) -> Job | None:
        self.become()
        return self.search.ask()

    def finish(self, job: Job) -> None:
        end(job, loss(job.settings))
        self.search.tell(read_outcome(job))


def test_two_machines_together_make_exactly_n_trials(
    tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place(tmp_path / "shared", empty)
    one, two = (Machine(name, tmp_path, monkeypatch, n_trials=5) for name in ("one", "two"))
    jobs = [one.ask(), two.ask(), one.ask(), two.ask(), one.ask()]
    assert one.ask() is None
    assert two.ask() is None
    assert len({job.name for job in jobs if job}) == 5
    for number, job in enumerate(jobs[:4]):
        assert job
        (one, two)[number % 2].finish(job)
    killed = jobs[4]
    again = Machine("two", tmp_path, monkeypatch, n_trials=5)  # leaves alone what runs elsewhere
    assert len(again.done) == 4
    assert again.ask() is None
    again.search.close()
    assert "1 trials of this study are running elsewhere: one" in caplog.text
    resumed = Machine("one", tmp_path, monkeypatch, n_trials=5)
    job = resumed.ask()
    assert job
    assert killed
    assert job.settings == killed.settings
    resumed.finish(job)
    assert states(tmp_path / "shared") == ["COMPLETE"] * 5


def test_machines_that_make_the_tables_at_the_same_time_open_the_same_study(
    tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, raced = studies.RDBStorage, list[str]()

    def slow(url: str, **settings: Any) -> RDBStorage:
        if not raced:  # as PostgreSQL says it of the machine that was slower
            raced.append(url)
            raise IntegrityError(
                "CREATE TABLE studies", {}, Exception("duplicate key value violates unique constraint")
            )
        return made(url, **settings)

    monkeypatch.setattr(studies, "RDBStorage", slow)
    place(tmp_path / "shared", empty)
    assert Machine("one", tmp_path, monkeypatch, n_trials=1).ask()
    assert raced


def test_a_machine_that_comes_while_another_begins_finds_the_same_search(
    tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "shared", empty)
    url, facts = f"sqlite:///{tmp_path}/shared/study.db", {"params": {"lr": "interval(0, 1)"}}
    one, two = (study.Study(url, "made", {"loss": "min"}, SAMPLERS["random"], NopPruner(), 0) for _ in range(2))
    asked = two.trials

    def late() -> list[FrozenTrial]:
        if not one.trials():  # between two questions of the other
            one.agree(facts, "", lambda trial: False)
            one.create_trial("one")
        return asked()

    monkeypatch.setattr(two, "trials", late)
    two.agree(facts, "", lambda trial: False)


def test_a_trial_too_many_is_not_run(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path / "shared", empty)
    one, two = (Machine(name, tmp_path, monkeypatch, n_trials=1) for name in ("one", "two"))
    begin = one.search._study.create_trial

    def late(*arguments: Any) -> int:
        assert two.ask()  # between the count and the trial of the other
        return begin(*arguments)

    monkeypatch.setattr(one.search._study, "create_trial", late)
    assert one.ask() is None
    trials = trials_of(tmp_path / "shared")
    assert [trial.state.name for trial in trials] == ["RUNNING", "FAIL"]
    assert trials[1].user_attrs["surplus"] is True
    assert Machine("one", tmp_path, monkeypatch, n_trials=1).ask() is None  # and not made up for


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
