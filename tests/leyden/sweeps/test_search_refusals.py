import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from leyden.sweeps import search_settings
from leyden.sweeps.search import Search
from leyden.system.errors import UserError
from tests.leyden.sweeps.conftest import Composing
from tests.leyden.sweeps.made_search import MEDIAN, SAMPLERS, MadeComposer, go_on, made_search, search_of, states


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


def test_an_objective_that_is_not_measured_is_told_after_the_first_job(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sweep.objectives.val/los: is not logged; did you mean val/loss\?"):
        go_on(made_search(folder, objectives={"val/los": "min"}))
    assert states(folder) == ["FAIL"]


def test_a_search_that_has_no_result_yet_may_be_another_from_now_on(folder: Path) -> None:
    first = made_search(folder, objectives={"val/los": "min"})
    first.open()
    assert first.ask()  # runs in parallel with one that tells of the mistake
    first.close()
    assert states(folder) == ["RUNNING"]
    go_on(made_search(folder, n_trials=2))
    assert states(folder) == ["COMPLETE", "COMPLETE"]
    with pytest.raises(UserError, match="has other objectives than this search"):
        go_on(made_search(folder, objectives={"val/acc": "max"}))


def test_mistakes_at_the_ends_of_the_space_are_found_before_any_job(folder: Path) -> None:
    composer = MadeComposer(folder)
    composer.wrong = lambda settings: "momentum: too much" if settings.get("optimizer.momentum") == 0.9 else None
    with pytest.raises(UserError, match=r"^momentum: too much$"):
        search_of(composer)
    composer.wrong = lambda settings: "optimizer.lr=0.1: too much" if settings.get("optimizer.lr") == 0.1 else None
    with pytest.raises(UserError, match=r"^optimizer\.lr=0\.1: too much; the range is 0\.0001 to 0\.1$"):
        search_of(composer)


def test_values_that_do_not_hold_fail_and_the_search_goes_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    composer = MadeComposer(folder)
    search = search_of(composer, n_trials=10)
    composer.wrong = lambda settings: "sgd: not here" if settings["optimizer"] == "sgd" else None
    jobs = go_on(search)
    assert {job.settings["optimizer"] for job in jobs} == {"adam"}
    assert states(folder).count("FAIL") == 10 - len(jobs) > 0
    assert "cannot run: sgd: not here" in caplog.text
    assert search.remaining() == 10 - len(jobs)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"n_trials": 0}, "sweep.n_trials=0: must be a whole number, 1 or more"),
        ({"n_trails": 3}, "sweep.n_trails: unknown key; did you mean sweep.n_trials"),
        ({"storage": "study.db"}, "sweep.storage: is not the URL of a database, such as"),
        ({"objectives": {"val/acc": "best"}}, "sweep.objectives.val/acc=best: must be min or max"),
        ({"objectives": "val/acc"}, "sweep.objectives=val/acc: must be a mapping"),
        ({"objectives": {"a": "min", "b": "max"}, "pruner": MEDIAN}, "several objectives cannot prune"),
        (
            {"objectives": {"train/loss": "min"}, "pruner": MEDIAN},
            "needs a validation metric, and train/loss is not one",
        ),
        ({"sampler": {}}, "sweep.sampler: is not set; choose one, as in sweep/sampler=…"),
        (
            {"sampler": {**SAMPLERS["tpe"], "gama": 1}},
            "sweep.sampler.gama: unknown key; did you mean sweep.sampler.gam",
        ),
        (
            {"sampler": {**SAMPLERS["tpe"], "n_startup_trials": "x"}},
            "sweep.sampler.n_startup_trials=x: must be a whole",
        ),
        (
            {"sampler": {**SAMPLERS["tpe"], "seed": 1}},
            "sweep.sampler.seed: is derived from the seed of the runs; give seed=",
        ),
        ({"pruner": SAMPLERS["tpe"]}, "sweep.pruner._target_=optuna.samplers.TPESampler: is not a pruner of Optuna"),
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


def test_a_search_without_its_file_is_told_which_to_add() -> None:
    with pytest.raises(UserError, match=r"^sweep\.n_trials: is a setting of a search; add sweep=optuna$"):
        search_settings.check_settings({"name": None, "on_error": "continue", "n_trials": 5}, "val/acc", "max")


def searched(composing: Composing, *typed: str) -> Search:
    composer, swept = composing("experiment=mnist_linear", "sweep=optuna", *typed)
    settings: Any = OmegaConf.to_container(composer.config.sweep, resolve=True)
    return Search(composer, settings, swept, "val/acc", "max", 1)


def test_a_pruner_that_takes_what_is_searched_is_refused(composing: Composing) -> None:
    why = r"^sweep\.pruner\.max_resource: is trainer\.max_epochs, which is searched; give a number$"
    with pytest.raises(UserError, match=why):
        searched(composing, "sweep/pruner=hyperband", "trainer.max_epochs=int(interval(2,8))")
    typed = "trainer.max_epochs=int(interval(2,8))"
    searched(composing, "sweep/pruner=hyperband", "sweep.pruner.max_resource=8", typed)
    searched(composing, "sweep/pruner=hyperband", "optimizer.lr=interval(0.1,1)")
    searched(composing, "sweep/pruner=median", typed)


def test_optuna_that_is_not_installed_is_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_settings, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="optuna is not installed; uv sync --extra sweeps, or pip install"):
        made_search(tmp_path)


def test_neither_torch_nor_optuna_is_imported_with_a_search() -> None:
    code = "import sys, leyden.sweeps.search; print({'torch', 'optuna'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
    code = "import sys, leyden.sweeps.study, leyden.studies.storage; print({'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("objective", "typed", "why"),
    [
        (
            "val/acc",
            ["monitor=train/loss", "mode=min", "trainer.limit_val_batches=0"],
            "no validation with trainer.limit",
        ),
        ("val/acc", ["monitor=train/loss", "mode=min", "data.val_size=0"], "no validation set with data.val_size=0"),
        ("test/acc", ["test=false"], "no test with test=false"),
    ],
)
def test_an_objective_that_is_never_measured_is_refused(
    objective: str, typed: list[str], why: str, composing: Composing
) -> None:
    space = "optimizer.lr=interval(0.1,1)"
    with pytest.raises(UserError, match=rf"^sweep\.objectives\.{objective}: there is {why}"):
        searched(composing, f"sweep.objectives={{{objective}:max}}", space, *typed)
    searched(composing, f"sweep.objectives={{{objective}:max}}", space)


def of_experiments(composing: Composing, *typed: str) -> Search:
    composer, swept = composing("sweep=optuna", *typed)
    settings: Any = OmegaConf.to_container(composer.config.sweep, resolve=True)
    return Search(composer, settings, swept, composer.config.monitor, composer.config.mode, 1)


def test_experiments_with_different_monitors_are_not_searched(composing: Composing) -> None:
    with pytest.raises(UserError, match=r"^sweep: its jobs monitor val/acc \(max\) and val/rmse \(min\), and a search"):
        of_experiments(composing, "experiment=mnist_linear,csv_linear")
    both = of_experiments(composing, "experiment=mnist_linear,csv_linear", "sweep.objectives={val/loss: min}")
    assert both.objectives == {"val/loss": "min"}


def test_the_objective_is_what_the_searched_experiments_monitor(composing: Composing) -> None:
    assert of_experiments(composing, "experiment=csv_linear,csv_mlp").objectives == {"val/rmse": "min"}
