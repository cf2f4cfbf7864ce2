"""Weights that are tested, kept, evaluated, predicted with and exported are the same, whatever callbacks do."""

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelPruning, WeightAveraging
from torch import nn

from leyden.callbacks.best import BestCheckpoint
from leyden.config.compose import compose, compose_run
from leyden.data.inputs.request import check_request
from leyden.system.errors import UserError
from leyden.training.build import build_data, build_task, build_trainer
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.predict import predict_run
from leyden.training.train import run_experiment, train
from tests.leyden.scripts.running import runner

LIGHTNING = "lightning.pytorch.callbacks"
TABLE = ["experiment=csv_mlp", "model.batch_norm=true", "optimizer=sgd", "optimizer.lr=0.02", "scheduler=cosine"]
QUICK = ["trainer=cpu", "trainer.max_epochs=5", "callbacks.summary=null", "logger=csv"]
export = runner(Path(__file__).parents[3] / "scripts" / "export.py")


class SwappedForTests(pl.Callback):
    """Tests the initial weights in place of the trained ones, as a callback with weights of its own may."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.mine = deepcopy(pl_module.state_dict())

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.load_state_dict(self.mine)


class SwappedForValidation(SwappedForTests):
    """Validates other weights than those that are saved."""

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.trained = deepcopy(pl_module.state_dict())
        pl_module.load_state_dict({name: of + 1 for name, of in self.trained.items()})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.load_state_dict(self.trained)


class Zeroed(pl.Callback):
    """Puts other weights into a checkpoint than those that are trained."""

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["state_dict"] = {name: torch.zeros_like(of) for name, of in checkpoint["state_dict"].items()}


class Pruned(ModelPruning):
    """Prunes half of the weights of the first layer."""

    def __init__(self) -> None:
        super().__init__("l1_unstructured", amount=0.5)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        layer = next(layer for layer in pl_module.modules() if isinstance(layer, nn.Linear))
        self._parameters_to_prune = [(layer, "weight")]
        super().setup(trainer, pl_module, stage)


CALLBACKS = {
    "none": [],
    "ema": ["callbacks=ema", "callbacks.ema.decay=0.9"],
    "ema, late": ["callbacks=ema", "callbacks.ema.start_epoch=3"],
    "swa": ["callbacks=swa", "callbacks.swa.swa_epoch_start=2"],
    "swa with a learning rate": ["callbacks=swa", "callbacks.swa.swa_lrs=0.05"],
    "Lightning's EMA": [f"+callbacks.mine={{_target_: {LIGHTNING}.EMAWeightAveraging, decay: 0.9}}"],
    "Lightning's average": [f"+callbacks.mine={{_target_: {LIGHTNING}.WeightAveraging, use_buffers: false}}"],
    "Lightning's SWA": [f"+callbacks.mine={{_target_: {LIGHTNING}.StochasticWeightAveraging, swa_lrs: 0.05}}"],
    "Lightning's pruning": ["+callbacks.mine={_target_: tests.leyden.callbacks.test_tested_weights.Pruned}"],
    "swapped for tests": ["+callbacks.mine={_target_: tests.leyden.callbacks.test_tested_weights.SwappedForTests}"],
    "swapped for validations": [
        "+callbacks.mine={_target_: tests.leyden.callbacks.test_tested_weights.SwappedForValidation}"
    ],
    "other weights in checkpoints": ["+callbacks.mine={_target_: tests.leyden.callbacks.test_tested_weights.Zeroed}"],
}


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", CALLBACKS)
def test_every_use_of_a_run_takes_the_weights_of_its_best_checkpoint(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run_experiment(compose([*TABLE, *QUICK, *CALLBACKS[name], f"paths.run_dir={run}"]))
    metrics = json.loads((run / "run.json").read_text())["metrics"]
    tested = {key: value for key, value in metrics.items() if key.startswith("test/")}
    kept = weights_of(run / "checkpoints" / "best.ckpt")

    assert evaluate_run(*compose_run([f"run={run}"])) == tested
    loaded = load_run(run)
    assert all(torch.equal(loaded.task.state_dict()[key], of) for key, of in kept.items())

    recorded, settings = compose_run([f"run={run}"], "predict")
    with predict_run(recorded, check_request(settings, recorded.dir)).open() as file:
        rows = list(csv.DictReader(file))
    errors = torch.tensor([float(row["mpg"]) - float(row["target"]) for row in rows], dtype=torch.float64)
    assert float(errors.abs().mean()) == pytest.approx(tested["test/mae"], abs=1e-5)

    assert export(monkeypatch, f"run={run}", f"output={tmp_path / 'exported.pt'}") == 0
    exported = torch.load(tmp_path / "exported.pt", weights_only=True)
    assert all(torch.equal(exported[key.removeprefix("network.")], of) for key, of in kept.items())


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", CALLBACKS)
def test_weights_that_are_validated_and_not_saved_are_reported(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_experiment(compose([*TABLE, *QUICK, *CALLBACKS[name], f"paths.run_dir={tmp_path / 'run'}"]))
    reported = [message for message in caplog.messages if "other weights than those that were validated" in message]
    differ = name in ("swapped for validations", "other weights in checkpoints", "Lightning's pruning")
    assert len(reported) == differ


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["ema", "ema, late", "swa", "swa with a learning rate", "Lightning's SWA"])
def test_weights_are_validated_as_they_are_kept(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_experiment(compose([*TABLE, *QUICK, *CALLBACKS[name], f"paths.run_dir={run}"]))
    best = json.loads((run / "run.json").read_text())["metrics"]["best/val/rmse"]
    assert evaluate_run(*compose_run([f"run={run}", "split=val"]))["val/rmse"] == best


def test_the_last_checkpoint_has_the_average_and_the_weights_that_are_trained_on(tmp_path: Path) -> None:
    for name in ("plain", "swa"):
        more = ["callbacks=swa", "callbacks.swa.swa_epoch_start=3"] if name == "swa" else []
        run_experiment(compose([*TABLE, *QUICK, *more, f"paths.run_dir={tmp_path / name}"]))
    plain, swa = (torch.load(tmp_path / name / "checkpoints/last.ckpt", weights_only=True) for name in ("plain", "swa"))
    assert all(torch.equal(swa["current_model_state"][key], of) for key, of in plain["state_dict"].items())
    assert not all(torch.equal(swa["state_dict"][key], of) for key, of in plain["state_dict"].items())
    assert swa["averaging_state"]["n_averaged"] == 3


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (
            ["callbacks=[ema,swa]"],
            "callbacks: EMA and SWA both replace the weights; leave one out",
        ),
        (
            ["callbacks=swa", "callbacks.swa.swa_epoch_start=9"],
            "callbacks.swa.swa_epoch_start=9: never comes in trainer.max_epochs=5; give "
            "callbacks.swa.swa_epoch_start=0.8",
        ),
        (["callbacks=ema", "callbacks.ema.decay=1.0"], "callbacks.ema.decay=1.0: must be at least 0 and less than 1"),
        (
            [f"+callbacks.mine={{_target_: {LIGHTNING}.StochasticWeightAveraging, swa_lrs: 0.1, avg_fn: null}}"],
            "callbacks.mine.avg_fn: is not taken; leave it out, or use callbacks=ema",
        ),
    ],
)
def test_averages_that_cannot_be_are_refused_and_leave_no_run(
    callbacks: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refusal:
        run_experiment(compose([*TABLE, *QUICK, *callbacks, f"paths.run_dir={tmp_path / 'run'}"]))
    assert str(refusal.value) == message
    assert not (tmp_path / "run").exists()


def test_a_subclass_of_lightnings_averages_is_one_of_the_cases() -> None:
    """The callbacks of Lightning that change weights are all in the table above."""
    changing = {"EMAWeightAveraging", "WeightAveraging", "StochasticWeightAveraging", "ModelPruning"}
    found = {name for name in dir(pl.callbacks) if "Averag" in name or "Prun" in name}
    assert found == changing
    assert issubclass(BestCheckpoint, pl.callbacks.ModelCheckpoint)
    assert issubclass(pl.callbacks.EMAWeightAveraging, WeightAveraging)


@pytest.mark.parametrize("name", ["none", "ema"])
def test_a_task_has_the_weights_that_were_tested(name: str, tmp_path: Path) -> None:
    config = compose([*TABLE, *QUICK, *CALLBACKS[name], f"paths.run_dir={tmp_path / 'run'}"]).config
    data = build_data(config)
    task = build_task(config, data.spec)
    train(build_trainer(config), task, data)
    kept = weights_of(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert all(torch.equal(task.state_dict()[key], of) for key, of in kept.items())
