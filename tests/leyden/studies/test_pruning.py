import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import torch

from leyden.config.compose import compose
from leyden.config.experiment import STORAGE, Experiment, Trial
from leyden.records.listing import STATUSES
from leyden.records.record import read_record, write_record
from leyden.studies import pruning as pruning_module
from leyden.studies.pruning import Pruning, is_pruned
from leyden.studies.storage import open_storage
from leyden.training.train import run_experiment
from tests.leyden.helpers.logged import table

NEVER = {"_target_": "optuna.pruners.NopPruner"}
SECOND = {"_target_": "optuna.pruners.ThresholdPruner", "lower": 2.0, "n_warmup_steps": 1}  # no accuracy is 2


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """A running trial of a new study, which is given up after the second epoch."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="s", storage=open_storage(url), direction="maximize")
    return Trial(url, "s", study.ask().number, "val/acc", SECOND)


def told(trial: Trial) -> optuna.trial.FrozenTrial:
    return optuna.load_study(study_name="s", storage=trial.storage).get_trials()[trial.number]


def made(quick: list[str], trial: Trial | None, *typed: str) -> Experiment:
    settings = ["model=linear", "logger=csv", "trainer.max_epochs=4", *typed]
    return replace(compose([*(word for word in quick if "epochs" not in word), *settings]), trial=trial)


def test_a_bad_run_is_given_up_and_says_so(quick: list[str], trial: Trial) -> None:
    experiment = made(quick, trial)
    run_experiment(experiment)
    record = read_record(experiment.run_dir)
    assert (record["status"], record["epochs"]) == ("pruned", 2)
    assert "pruned" in STATUSES
    assert not any(name.startswith("test/") for name in record["metrics"])
    found = told(trial)
    assert sorted(found.intermediate_values) == [0, 1]
    assert found.intermediate_values[1] == record["metrics"]["val/acc"]
    assert found.state.name == "RUNNING"  # the search tells what became of it
    for name in ("config.yaml", "overrides.yaml", "run.json", "train.log"):
        assert "study.db" not in (experiment.run_dir / name).read_text()

    # killed before its record said so: given up at once, and nothing is told twice
    history = table(experiment.run_dir)
    write_record(experiment.run_dir, {**record, "status": "running"})
    run_experiment(replace(experiment, resumes=True))
    again = read_record(experiment.run_dir)
    assert (again["status"], again["epochs"], again["metrics"]) == ("pruned", 2, record["metrics"])
    assert told(trial).intermediate_values == found.intermediate_values
    assert table(experiment.run_dir) == history

    # whoever resumes it by hand wants it to go on
    run_experiment(replace(experiment, resumes=True, trial=None))
    by_hand = read_record(experiment.run_dir)
    assert (by_hand["status"], by_hand["epochs"]) == ("finished", 4)
    assert any(name.startswith("test/") for name in by_hand["metrics"])


def test_a_run_that_is_good_enough_is_finished_like_any_other(quick: list[str], trial: Trial) -> None:
    experiment = made(quick, replace(trial, pruner=NEVER), "trainer.max_epochs=2")
    run_experiment(experiment)
    alone = made(quick, None, "trainer.max_epochs=2", "paths.run_dir=" + str(experiment.run_dir) + "-alone")
    run_experiment(alone)
    records = [json.loads((one.run_dir / "run.json").read_text()) for one in (experiment, alone)]
    assert records[0]["status"] == "finished"
    assert records[0]["metrics"] == records[1]["metrics"]
    assert sorted(told(trial).intermediate_values) == [0, 1]


def test_a_study_that_cannot_be_reached_ends_no_run(
    quick: list[str], trial: Trial, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = replace(trial, storage=f"sqlite:///{tmp_path}/no/such/folder/study.db")
    experiment = made(quick, lost, "trainer.max_epochs=2")
    run_experiment(experiment)
    assert read_record(experiment.run_dir)["status"] == "finished"
    assert "epoch 1 was not reported to the study" in caplog.text


def test_a_database_that_is_in_the_environment_is_found_or_missed_by_name(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handed = replace(trial, storage="")
    monkeypatch.setenv(STORAGE, trial.storage)
    assert not epoch_ends(Pruning(handed), made_trainer(0))
    assert sorted(told(trial).intermediate_values) == [0]
    monkeypatch.delenv(STORAGE)
    assert not epoch_ends(Pruning(handed), made_trainer(1))
    assert (
        "epoch 2 was not reported to the study (LEYDEN_STORAGE, the URL of the study's database, is not in the env"
        in caplog.text
    )


@pytest.mark.slow
def test_callbacks_do_not_need_sweeps() -> None:
    code = (
        "import sys, leyden.studies.pruning, leyden.studies.storage; print([m for m in sys.modules if 'n.sweeps' in m])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert "leyden.sweeps" not in Path(pruning_module.__file__).read_text()


def made_trainer(epoch: int, **more: Any) -> Any:
    """A trainer at the end of an epoch, with what it was told from the first process."""
    said: list[Any] = []
    strategy = SimpleNamespace(broadcast=lambda value: said.append(value) or more.get("others", value))
    metrics = {"val/acc": torch.tensor(0.5)}
    facts = {"min_epochs": None, "max_epochs": 9, "is_global_zero": True, "sanity_checking": False, **more}
    return SimpleNamespace(
        current_epoch=epoch, should_stop=False, strategy=strategy, callback_metrics=metrics, said=said, **facts
    )


def epoch_ends(pruning: Pruning, trainer: Any, validated: bool = True) -> bool:
    if validated:
        pruning.on_validation_end(trainer, SimpleNamespace())  # type: ignore[arg-type]
    pruning.on_train_epoch_end(trainer, SimpleNamespace())  # type: ignore[arg-type]
    return bool(trainer.should_stop)


def test_epochs_without_a_validation_are_not_told_of(trial: Trial) -> None:
    pruning = Pruning(trial)
    assert not epoch_ends(pruning, made_trainer(0))
    assert not epoch_ends(pruning, made_trainer(1), validated=False)
    assert not epoch_ends(pruning, made_trainer(2, sanity_checking=True))
    assert sorted(told(trial).intermediate_values) == [0]
    assert epoch_ends(pruning, made_trainer(3))
    assert sorted(told(trial).intermediate_values) == [0, 3]


def test_neither_the_last_epoch_nor_one_that_must_be_trained_is_given_up(trial: Trial) -> None:
    pruning = Pruning(trial)
    assert not epoch_ends(pruning, made_trainer(3, min_epochs=5))
    assert not epoch_ends(pruning, made_trainer(8))
    assert not pruning.pruned
    assert sorted(told(trial).intermediate_values) == [3, 8]
    assert epoch_ends(pruning, made_trainer(4, min_epochs=5))


def test_the_first_process_asks_and_all_do_as_it_is_told(trial: Trial) -> None:
    lost = Pruning(replace(trial, storage="sqlite:////no/such/folder/study.db"))  # further processes never look at it
    second = made_trainer(3, is_global_zero=False, others=True)
    assert epoch_ends(lost, second)
    assert second.said == [False]
    assert is_pruned(SimpleNamespace(callbacks=[lost]))  # type: ignore[arg-type]
    first = made_trainer(3)
    assert epoch_ends(Pruning(trial), first)
    assert first.said == [True]


def test_an_epoch_that_was_told_of_is_not_told_of_again(trial: Trial) -> None:
    assert not epoch_ends(Pruning(trial), made_trainer(0))
    resumed = made_trainer(0)
    resumed.callback_metrics["val/acc"] = torch.tensor(0.25)
    assert not epoch_ends(Pruning(trial), resumed)
    assert told(trial).intermediate_values == {0: 0.5}
