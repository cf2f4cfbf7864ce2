import json
import math
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leyden.config.overrides import as_typed
from leyden.errors import UserError
from leyden.sweeps import settings as search_settings
from leyden.sweeps.job import Job, Outcome, outcome
from leyden.sweeps.space import Numbers
from leyden.sweeps.study import open_storage
from tests.sweeps.made_search import (
    MEDIAN,
    MadeComposer,
    end,
    go_on,
    loss,
    made_search,
    place,
    search_of,
    states,
    trials_of,
)

SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3},
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "cmaes": {"_target_": "optuna.samplers.CmaEsSampler", "popsize": 3},
    "nsgaii": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 3},
}


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a study that holds nothing."""
    path = tmp_path_factory.mktemp("empty") / "study.db"
    open_storage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def folder(tmp_path: Path, empty: Path) -> Path:
    """The directory of a sweep."""
    return place(tmp_path / "sweep", empty)


def history(folder: Path) -> list[tuple[Any, ...]]:
    return [(trial.number, trial.state.name, trial.values, trial.params) for trial in trials_of(folder)]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_is_killed_again_and_again_makes_the_same_trials(
    name: str, tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = (place(tmp_path / part / "sweep", empty) for part in ("whole", "killed"))
    go_on(made_search(whole, n_trials=11, sampler=SAMPLERS[name]))
    drawn = Numbers.text
    for turn in range(12):
        search = made_search(killed, n_trials=11, sampler=SAMPLERS[name])
        search.open()
        if turn % 4 == 1:  # killed after it was drawn, before it was begun
            assert search.next()
        elif turn % 4 == 2:  # killed while it was drawn
            with monkeypatch.context() as patched:
                patched.setattr(Numbers, "text", lambda self, value: drawn(self, value) if self.whole else 1 / 0)
                if not search._left:
                    with pytest.raises(ZeroDivisionError):
                        search.next()
        elif turn % 4 == 3:  # killed after it has ended, before that was told
            job = search.next()
            assert job
            end(job, loss(job.settings))
        else:
            go_on(search, most=2, opens=False)
    go_on(made_search(killed, n_trials=11, sampler=SAMPLERS[name]))
    assert history(killed) == history(whole)
    assert states(killed) == ["COMPLETE"] * 11
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials_of(killed)}) == 11


def test_the_seed_decides(tmp_path: Path, empty: Path) -> None:
    folders = [place(tmp_path / str(number) / "sweep", empty) for number in range(3)]
    for number, seed in enumerate((1, 1, 2)):
        go_on(made_search(folders[number], n_trials=2, seed=seed))
    assert history(folders[0]) == history(folders[1])
    assert history(folders[0]) != history(folders[2])


def test_conditions_hold_in_every_trial(folder: Path) -> None:
    jobs = go_on(made_search(folder, n_trials=12))
    assert {job.settings["optimizer"] for job in jobs} == {"adam", "sgd"}
    assert all(("optimizer.momentum" in job.settings) == (job.settings["optimizer"] == "sgd") for job in jobs)
    assert all(isinstance(job.settings["model.width"], int) for job in jobs)


def test_a_killed_trial_is_handed_out_again_under_its_number(folder: Path) -> None:
    search = made_search(folder, pruner=MEDIAN)
    search.open()
    job = search.next()
    again = made_search(folder, pruner=MEDIAN)
    assert list(again.open()) == []
    same = again.next()
    assert job
    assert same
    assert (job.dir, job.settings) == (same.dir, same.settings)
    trials = [one.experiment.trial for one in (job, same)]
    assert trials[0] == trials[1]
    assert trials[0]
    assert (trials[0].number, trials[0].monitor, trials[0].pruner) == (0, "val/loss", MEDIAN)
    again.tell(Outcome(same, "interrupted"))
    assert states(folder) == ["RUNNING"]


def test_raising_n_trials_goes_on(folder: Path) -> None:
    go_on(made_search(folder, n_trials=3))
    search = made_search(folder, n_trials=5)
    done = search.open()
    assert [found.status for found in done] == ["finished"] * 3
    assert [found.metric("val/loss") for found in done] == [trial.value for trial in trials_of(folder)]
    assert len(go_on(search, opens=False)) == 2
    assert go_on(made_search(folder, n_trials=5)) == []
    assert states(folder) == ["COMPLETE"] * 5


def test_a_search_in_which_all_fail_ends_and_is_made_up_for(folder: Path) -> None:
    def fail(search: Any) -> list[Mapping[str, Any]]:
        search.open()
        tried = []
        while job := search.next():
            end(job, status="failed", error="out of memory")
            search.tell(outcome(job))
            tried.append(job.settings)
        return tried

    first = fail(made_search(folder, n_trials=3))
    assert states(folder) == ["FAIL"] * 3
    assert trials_of(folder)[0].user_attrs["error"] == "out of memory"
    second = fail(made_search(folder, n_trials=3))
    assert second == first  # the same values first
    third = [job.settings for job in go_on(made_search(folder, n_trials=4))]
    assert third[:3] == first
    assert states(folder) == ["FAIL"] * 6 + ["COMPLETE"] * 4
    assert go_on(made_search(folder, n_trials=4)) == []


def test_one_that_failed_counts_while_the_process_lives(folder: Path) -> None:
    search = made_search(folder, n_trials=4)
    search.open()
    job = search.next()
    assert job
    end(job, status="failed", error="no")
    search.tell(outcome(job))
    assert len(go_on(search, opens=False)) == 3
    assert [job.settings for job in go_on(made_search(folder, n_trials=4))] == [job.settings]


def test_values_that_are_drawn_twice_are_run_once(folder: Path) -> None:
    params = {"model.width": "choice(1,2)"}
    search = made_search(folder, n_trials=6, params=params, sampler=SAMPLERS["random"])
    search.open()
    jobs = []
    while job := search.next():  # as many slots as there are trials
        jobs.append(job)
    assert sorted(job.settings["model.width"] for job in jobs) == [1, 2]
    assert states(folder) == ["RUNNING"] * 6
    for job in jobs:
        end(job, float(job.settings["model.width"]))
        search.tell(outcome(job))
    assert states(folder) == ["COMPLETE"] * 6
    assert all(trial.value == float(trial.params["model.width"]) for trial in trials_of(folder))
    assert go_on(made_search(folder, n_trials=9, params=params, sampler=SAMPLERS["random"])) == []
    assert states(folder) == ["COMPLETE"] * 9


def test_parallel_jobs_differ(folder: Path) -> None:
    search = made_search(folder, n_trials=12)
    go_on(search, most=5)
    jobs = [job for job in (search.next() for _ in range(5)) if job]
    assert len({job.dir for job in jobs}) == 5


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
    assert (found.status, found.metric("val/loss"), found.job.settings) == ("finished", loss(job.settings), job.settings)
    assert found.job.dir == job.dir


@pytest.mark.parametrize(
    ("typed", "settings"),
    [
        (["optimizer.lr=interval(0.5,1)"], {}),
        ([], {"objectives": {"val/acc": "max"}}),
        ([], {"params": {"optimizer.lr": "interval(0,1)"}}),
    ],
)
def test_a_study_of_something_else_is_refused(typed: list[str], settings: dict[str, Any], folder: Path) -> None:
    go_on(made_search(folder, n_trials=1))
    with pytest.raises(UserError, match=r"has other (params|objectives) than this search; .*sweep\.name=…"):
        made_search(folder, *typed, n_trials=1, **settings).open()


def test_a_pruned_trial_has_its_last_value(folder: Path) -> None:
    search = made_search(folder, n_trials=2, pruner=MEDIAN)
    search.open()
    job = search.next()
    assert job
    end(job, 0.75, status="pruned")
    search.tell(outcome(job))
    (trial,) = trials_of(folder)
    assert (trial.state.name, trial.value, trial.intermediate_values) == ("PRUNED", 0.75, {1: 0.75})
    assert [found.status for found in made_search(folder, n_trials=2, pruner=MEDIAN).open()] == ["pruned"]


def test_a_result_that_is_no_number_counts_as_given_up(folder: Path) -> None:
    go_on(made_search(folder, n_trials=3), value=lambda settings: math.nan)
    assert states(folder) == ["PRUNED"] * 3
    assert go_on(made_search(folder, n_trials=3)) == []


def test_several_objectives(folder: Path) -> None:
    objectives = {"val/loss": "min", "seconds": "max"}
    search = made_search(folder, n_trials=2, objectives=objectives, sampler=SAMPLERS["nsgaii"])
    go_on(search)
    assert search.objectives == objectives
    assert [trial.values[1] for trial in trials_of(folder)] == [1.5, 1.5]


def test_an_objective_that_is_not_measured_is_told_after_the_first_job(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sweep.objectives.val/los: is not measured; did you mean val/loss\?"):
        go_on(made_search(folder, objectives={"val/los": "min"}))
    assert states(folder) == ["FAIL"]


def test_mistakes_at_the_ends_of_the_space_are_found_before_any_job(folder: Path) -> None:
    composer = MadeComposer(folder)
    composer.wrong = lambda settings: "momentum: too much" if settings.get("optimizer.momentum") == 0.9 else None
    with pytest.raises(UserError, match="momentum: too much"):
        search_of(composer)


def test_values_that_do_not_hold_fail_and_the_search_goes_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    composer = MadeComposer(folder)
    search = search_of(composer, n_trials=10)
    composer.wrong = lambda settings: "sgd: not here" if settings["optimizer"] == "sgd" else None
    jobs = go_on(search)
    assert {job.settings["optimizer"] for job in jobs} == {"adam"}
    assert states(folder).count("FAIL") == 10 - len(jobs) > 0
    assert "cannot be run: sgd: not here" in caplog.text


def test_what_is_typed_changes_the_space(folder: Path) -> None:
    typed = made_search(folder, "optimizer.lr=interval(0.5,1)", "data.size=range(3)", constants=("optimizer=sgd",))
    assert sorted(typed.swept) == ["data.size", "model.width", "optimizer.lr", "optimizer.momentum"]
    assert {job.settings["optimizer.lr"] for job in typed.examples()} == {0.5, 1.0}
    assert typed.total == 8
    assert typed.kind == "search"
    without = made_search(folder, constants=("optimizer=adam", "++model.width=5"))
    assert without.swept == ["optimizer.lr"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"n_trials": 0}, "sweep.n_trials=0: must be a whole number, 1 or more"),
        ({"n_trails": 3}, "sweep.n_trails: unknown key; did you mean sweep.n_trials"),
        ({"storage": "study.db"}, "sweep.storage=study.db: is no URL of a database"),
        ({"objectives": {"val/acc": "best"}}, "sweep.objectives.val/acc=best: must be min or max"),
        ({"objectives": "val/acc"}, "sweep.objectives=val/acc: must be a mapping"),
        ({"objectives": {"a": "min", "b": "max"}, "pruner": MEDIAN}, "several objectives gives nothing up"),
        ({"objectives": {"train/loss": "min"}, "pruner": MEDIAN}, "looks at validations, and train/loss is no metric"),
        ({"sampler": {}}, "sweep.sampler: there is none; choose one, as in sweep/sampler=…"),
        ({"sampler": {**SAMPLERS["tpe"], "gama": 1}}, "sweep.sampler.gama: unknown key; did you mean sweep.sampler.gam"),
        ({"sampler": {**SAMPLERS["tpe"], "n_startup_trials": "x"}}, "sweep.sampler.n_startup_trials=x: must be a whole"),
        ({"sampler": {**SAMPLERS["tpe"], "seed": 1}}, "sweep.sampler.seed: is made of the seed of the runs; give seed="),
        ({"sampler": MEDIAN}, "is no sampler of Optuna"),
        ({"pruner": {**MEDIAN, "n_startup_trials": -1}}, "sweep.pruner: Number of startup trials cannot be negative"),
    ],
)
def test_settings_that_do_not_hold_are_refused_in_one_line(settings: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        made_search(tmp_path, **settings)
    assert why in str(told.value)
    assert "\n" not in str(told.value)


def test_a_database_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path) -> None:
    search = made_search(tmp_path, storage="nosuch://me:secret@host/studies")
    with pytest.raises(UserError) as told:
        search.open()
    assert str(told.value).startswith("sweep.storage=nosuch://me:***@host/studies: ")
    assert "secret" not in str(told.value)
    assert as_typed(["++sweep.storage=a://me:secret@host/b"]) == ["sweep.storage=a://me:***@host/b"]


def test_optuna_that_is_not_installed_is_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_settings, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="optuna is not installed; uv sync --extra sweeps, or pip install"):
        made_search(tmp_path)


def test_neither_torch_nor_optuna_is_imported_with_a_search() -> None:
    code = "import sys, leyden.sweeps.search; print({'torch', 'optuna'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
    code = "import sys, leyden.sweeps.study; print({'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
