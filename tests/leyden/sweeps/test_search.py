import math
from pathlib import Path

import pytest

from leyden.sweeps.job import read_outcome
from tests.leyden.sweeps.made_search import (
    MEDIAN,
    SAMPLERS,
    end,
    go_on,
    made_search,
    place,
    states,
    trials_of,
)


def test_conditions_hold_in_every_trial(folder: Path) -> None:
    jobs = go_on(made_search(folder, n_trials=12))
    assert {job.settings["optimizer"] for job in jobs} == {"adam", "sgd"}
    assert all(("optimizer.momentum" in job.settings) == (job.settings["optimizer"] == "sgd") for job in jobs)
    assert all(isinstance(job.settings["model.width"], int) for job in jobs)


def test_values_that_are_drawn_twice_are_run_once(folder: Path) -> None:
    params = {"model.width": "choice(1,2)"}
    search = made_search(folder, n_trials=6, params=params, sampler=SAMPLERS["random"])
    search.open()
    jobs = []
    while job := search.ask():  # as many slots as there are trials
        jobs.append(job)
    assert sorted(job.settings["model.width"] for job in jobs) == [1, 2]
    assert states(folder) == ["RUNNING"] * 6
    assert search.remaining() == 6
    for job in jobs:
        end(job, float(job.settings["model.width"]))
        search.tell(read_outcome(job))
    assert states(folder) == ["COMPLETE"] * 6
    assert search.remaining() == 0
    assert all(trial.value == float(trial.params["model.width"]) for trial in trials_of(folder))
    assert go_on(made_search(folder, n_trials=9, params=params, sampler=SAMPLERS["random"])) == []
    assert states(folder) == ["COMPLETE"] * 9


def test_what_is_left_are_trials_without_a_result(folder: Path) -> None:
    search = made_search(folder, n_trials=3)
    search.open()
    left = [search.remaining()]
    for status in ("finished", "failed", "finished"):
        job = search.ask()
        assert job
        end(job, 0.5, status=status)
        search.tell(read_outcome(job))
        left.append(search.remaining())
    assert left == [3, 2, 2, 1]
    less = made_search(folder, n_trials=1)
    less.open()
    assert less.remaining() == 0


def test_examples_say_that_there_is_a_pruner_and_are_not_executed(folder: Path) -> None:
    search = made_search(folder, n_trials=4, pruner=MEDIAN)
    trials = [job.experiment.trial for job in search.examples()]
    assert {trial.number for trial in trials if trial} == {-1}
    assert None not in trials
    jobs = go_on(search)
    assert [job.experiment.trial.number for job in jobs if job.experiment.trial] == [0, 1, 2, 3]
    again = made_search(folder, n_trials=4, pruner=MEDIAN).open()
    assert [found.job.experiment.trial.number for found in again if found.job.experiment.trial] == [0, 1, 2, 3]
    assert not any(job.experiment.trial for job in made_search(folder).examples())


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "a@b:c", "{a}"])
def test_the_study_lies_in_the_sweeps_directory_whatever_it_is_called(name: str, tmp_path: Path, empty: Path) -> None:
    folder = place(tmp_path / name / "sweep", empty)
    before = (folder / "study.db").read_bytes()
    made_search(folder, n_trials=1).open()
    assert (folder / "study.db").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_parallel_jobs_differ(folder: Path) -> None:
    search = made_search(folder, n_trials=12)
    go_on(search, most=5)
    jobs = [job for job in (search.ask() for _ in range(5)) if job]
    assert len({job.dir for job in jobs}) == 5


def test_a_pruned_trial_has_its_last_value(folder: Path) -> None:
    search = made_search(folder, n_trials=2, pruner=MEDIAN)
    search.open()
    job = search.ask()
    assert job
    end(job, 0.75, status="pruned")
    search.tell(read_outcome(job))
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


def test_what_is_typed_changes_the_space(folder: Path) -> None:
    typed = made_search(folder, "optimizer.lr=interval(0.5,1)", "data.size=range(3)", constants=("optimizer=sgd",))
    assert sorted(typed.swept) == ["data.size", "model.width", "optimizer.lr", "optimizer.momentum"]
    assert {job.settings["optimizer.lr"] for job in typed.examples()} == {0.5, 1.0}
    assert typed.total == 8
    assert typed.kind == "search"
    without = made_search(folder, constants=("optimizer=adam", "++model.width=5"))
    assert without.swept == ["optimizer.lr"]
