"""Runs without loggers, checkpoints or other callbacks, whichever way they are left out."""

from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.training.build import build_trainer
from leyden.training.evaluate import evaluate, evaluation_trainer
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment

NO_LOGGER = ["~logger", "logger=none", "~logger.csv ~logger.tensorboard", "logger.csv=null logger.tensorboard=null"]


@pytest.fixture
def table(tmp_path: Path, mnist_root: Path) -> list[str]:
    places = [f"paths.data_dir={mnist_root}", f"paths.log_dir={tmp_path / 'logs'}"]
    return ["experiment=csv_mlp", "trainer=cpu", "trainer.max_epochs=1", "callbacks.summary=null", *places]


def kept(table: list[str], typed: str) -> set[str]:
    """The files of a run, without figures and those that every run has."""
    experiment = compose([*table, *typed.split()])
    run_experiment(experiment)
    files = {str(path.relative_to(experiment.run_dir)) for path in experiment.run_dir.rglob("*") if path.is_file()}
    assert {"config.yaml", "overrides.yaml", "run.json", "train.log"} <= files
    files = {name for name in files if not name.startswith("plots/")}
    return files - {"config.yaml", "overrides.yaml", "run.json", "train.log", ".lock", "changes.patch", "split.npz"}


@pytest.mark.sample(2)
@pytest.mark.parametrize("typed", NO_LOGGER)
def test_without_loggers_nothing_is_logged(typed: str, table: list[str]) -> None:
    assert kept(table, typed) == {"checkpoints/best.ckpt", "checkpoints/last.ckpt"}


@pytest.mark.parametrize("typed", ["~callbacks", "callbacks=none", "~callbacks.best ~callbacks.last"])
def test_without_callbacks_nothing_is_saved(typed: str, table: list[str]) -> None:
    settings = [word for word in table if "best" in typed or not word.startswith("callbacks.")]
    assert kept([*settings, "logger=csv"], typed) == {"metrics.csv"}


def test_without_the_best_weights_the_last_are_kept(table: list[str]) -> None:
    assert kept(table, "~callbacks.best ~logger") == {"checkpoints/last.ckpt"}
    assert kept(table, "~callbacks.last ~logger") == {"checkpoints/best.ckpt"}


def test_an_evaluation_saves_nothing(table: list[str]) -> None:
    assert not evaluation_trainer(compose(table).config).checkpoint_callbacks
    assert build_trainer(compose(table).config).checkpoint_callbacks


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            ["callbacks=hooks", "logger=csv"],
            "callbacks.hooks: writes to TensorBoardLogger only; add logger=",
        ),
        (["callbacks=hooks", "~logger"], "callbacks.hooks: writes to TensorBoardLogger only; add logger="),
        (
            ["+callbacks.x={_target_: lightning.pytorch.callbacks.DeviceStatsMonitor}", "~logger"],
            "x: needs a",
        ),
        (
            ["trainer.enable_checkpointing=false"],
            "some callbacks write checkpoints; add callbacks.best=null",
        ),
    ],
)
def test_a_callback_that_lacks_what_it_needs_is_refused(typed: list[str], told: str, table: list[str]) -> None:
    with pytest.raises(UserError, match=told):
        compose([*table, *typed])


def test_hooks_have_nothing_to_write_to_in_a_quick_look(table: list[str]) -> None:
    assert kept(table, "callbacks=hooks debug=fast_dev_run callbacks.summary=null") == set()


@pytest.mark.sample(2)
@pytest.mark.parametrize("refused", ["callbacks.last.every_n_epochs=0", "callbacks.best.every_n_epochs=-1"])
@pytest.mark.parametrize("existed", [True, False])
def test_a_refusal_leaves_no_folder(refused: str, existed: bool, table: list[str], tmp_path: Path) -> None:
    if existed:
        (tmp_path / "logs").mkdir()
    with pytest.raises(UserError):
        run_experiment(compose([*table, refused]))
    assert [path.name for path in tmp_path.iterdir()] == (["logs"] if existed else [])
    assert not existed or list((tmp_path / "logs").iterdir()) == []


@pytest.mark.parametrize(("limit", "told"), [(0, "nothing would be measured"), (0.1, "is less than one batch")])
def test_an_evaluation_of_nothing_is_refused(limit: float, told: str, table: list[str]) -> None:
    experiment = compose([*table, "logger=none"])
    run_experiment(experiment)
    run = load_run(experiment.run_dir)
    config = {**run.config, "trainer": {**run.config["trainer"], "limit_test_batches": limit}}
    with pytest.raises(UserError, match=rf"^trainer.limit_test_batches={limit}: {told}.*give .*=1"):
        evaluate(evaluation_trainer(config), run.task, run.datamodule)
