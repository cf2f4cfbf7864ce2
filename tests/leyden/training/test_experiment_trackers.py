from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.loggers import Logger, WandbLogger

from leyden.config.compose import compose
from leyden.training.experiment_trackers import log_settings, settings, tracker_ids, with_tracker_ids


def test_settings_are_flat_and_name_classes_in_short() -> None:
    flat = settings(compose(["optimizer.lr=0.5", "model.hidden_sizes=[3]", "model.dropout=0"]).config)
    assert flat["model"] == "MLP"
    assert flat["model/hidden_sizes"] == [3]
    assert flat["optimizer"] == "Adam"
    assert flat["optimizer/lr"] == 0.5
    assert flat["data/augment"] == "Augment"
    assert flat["seed"] == 42
    assert not any(isinstance(value, dict) or "_target_" in name for name, value in flat.items())


class Tracker(Logger):
    name = version = "tracker"

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        self.params = params

    def log_metrics(self, metrics: Any, step: int | None = None) -> None: ...


def test_a_tracker_gets_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, config = Tracker(), compose([]).config
    log_settings(pl.Trainer(logger=tracker, accelerator="cpu"), config)
    assert tracker.params == settings(config)


def test_a_run_that_goes_on_is_the_same_for_its_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WandbLogger, "version", "abc")
    trainer = pl.Trainer(logger=[Tracker(), object.__new__(WandbLogger)], accelerator="cpu")
    names = tracker_ids(trainer)
    assert names == {"WandbLogger": "abc"}
    kinds = {"wandb": "WandbLogger", "mlflow": "MLFlowLogger", "csv": "CSVLogger"}
    nodes = {key: {"_target_": f"lightning.pytorch.loggers.{kind}", "project": "p"} for key, kind in kinds.items()}
    loggers = with_tracker_ids({"logger": nodes | {"off": None}}, {**names, "MLFlowLogger": "7"})["logger"]
    assert loggers["wandb"] == {**nodes["wandb"], "id": "abc", "resume": "allow"}
    assert loggers["mlflow"] == {**nodes["mlflow"], "run_id": "7"}
    assert (loggers["csv"], loggers["off"]) == (nodes["csv"], None)
