"""What run.json tells of a run while it trains."""

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from leyden.config.compose import compose
from leyden.run.directory import Run
from leyden.run.record_updater import RecordUpdater, logged_metrics
from leyden.training.build import build_data, build_task, build_trainer


class Look(pl.Callback):
    """Reads the record at the start of each epoch, after the recorder, and at the end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seen: list[dict[str, Any]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(json.loads((self.run.dir / "run.json").read_text()))

    on_train_end = on_train_epoch_start


def test_each_epoch_is_noted_when_it_is_over(quick: list[str]) -> None:
    typed = ["trainer.max_epochs=3", "trainer.log_every_n_steps=1", "logger=csv", "callbacks=none", "model=linear"]
    experiment = compose([*(word for word in quick if "callbacks" not in word and "epochs" not in word), *typed])
    data = build_data(experiment.config)
    with Run(experiment) as run:
        look = Look(run)
        trainer = build_trainer(experiment.config, RecordUpdater(run), look)
        trainer.fit(build_task(experiment.config, data.spec), datamodule=data)
    assert [(record["epochs"], record["steps"]) for record in look.seen] == [(0, 0), (1, 4), (2, 8), (3, 12)]
    assert {record["status"] for record in look.seen} == {"running"}
    assert look.seen[0]["metrics"] == {}
    assert set(look.seen[1]["metrics"]) >= {"train/loss", "train/acc", "val/loss", "val/acc"}
    assert all(not name.endswith("_step") for name in look.seen[3]["metrics"])
    assert look.seen[3]["metrics"] == logged_metrics(trainer)
    seconds = [record["seconds"] for record in look.seen]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 0
    losses = [record["metrics"]["train/loss"] for record in look.seen[1:]]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 3


def test_what_is_logged_step_by_step_is_no_metric_of_an_epoch(tmp_path: Path) -> None:
    trainer = pl.Trainer(accelerator="cpu", logger=False, default_root_dir=tmp_path)
    told = {"train/loss": 1.0, "train/loss_step": 2.0, "lr": 3.0, "test/acc": 0.5}
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in told.items()})
    assert logged_metrics(trainer) == {"train/loss": 1.0, "test/acc": 0.5}


def test_a_loss_that_is_lost_is_told_once(quick: list[str], caplog: pytest.LogCaptureFixture) -> None:
    typed = ["trainer.max_epochs=3", "logger=none", "callbacks=none", "model=linear", "optimizer=sgd"]
    rest = [word for word in quick if "callbacks" not in word and "epochs" not in word]
    for rate in (0.01, 1e38):
        experiment = compose([*rest, *typed, f"optimizer.lr={rate}"])
        data = build_data(experiment.config)
        with Run(experiment) as run:
            trainer = build_trainer(experiment.config, RecordUpdater(run))
            trainer.fit(build_task(experiment.config, data.spec), datamodule=data)
    told = [message for message in caplog.messages if message.startswith("the loss is nan, and so the weights")]
    assert len(told) == 1
