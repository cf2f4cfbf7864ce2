"""What run.json says of a run that begins, goes on, and is looked at in between."""

import json
from pathlib import Path
from signal import SIGTERM
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from leyden.config.experiment import Experiment
from leyden.run.directory import Run
from leyden.run.new_record import continued_record, new_record
from leyden.run.record_updater import RecordUpdater
from leyden.system.graceful_shutdown import Interrupted
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import At
from tests.leyden.helpers.opened_runs import again, record
from tests.leyden.tasks.test_task import made_task


@pytest.fixture
def finished(experiment: Experiment) -> Run:
    """A run with its result."""
    with Run(experiment) as run:
        run.finish({"train/loss": 0.5, "val/acc": 0.5, "best/val/acc": 0.75, "test/acc": 0.25})
    return run


def test_a_run_that_goes_on_has_no_result_until_it_has_another(finished: Run, experiment: Experiment) -> None:
    longer = again(experiment, trainer={"max_epochs": 9})
    assert {"best/val/acc", "test/acc"} <= record(finished)["metrics"].keys()
    with Run(longer) as run:
        run.begin()
        assert record(run)["metrics"] == {"train/loss": 0.5, "val/acc": 0.5}
        run.update(2, 20, {"val/acc": 0.625, "best/val/acc": 0.875})
    assert record(run)["status"] == "failed"
    assert record(run)["metrics"] == {"train/loss": 0.5, "val/acc": 0.625, "best/val/acc": 0.875}


def origin(session: int) -> dict[str, Any]:
    versions, git = {"torch": str(session)}, {"commit": f"{session}", "dirty": False}
    return {"git": git, "versions": versions, "host": f"host{session}", "pid": session}


def test_what_each_session_went_on_with_is_kept(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.run.new_record.provenance", lambda code: origin(0))
    kept = first = new_record(experiment)
    for session in (1, 2):
        monkeypatch.setattr("leyden.run.new_record.provenance", lambda code, session=session: origin(session))
        kept = continued_record({**json.loads(json.dumps(kept)), "error": "SIGTERM"})
        assert (kept["host"], kept["pid"]) == (f"host{session}", session), "who writes now"
        assert "error" not in kept
    for what in ("git", "versions"):
        assert kept[what] == first[what] == origin(0)[what]
        assert [session[what] for session in kept["resumed"]] == [origin(1)[what], origin(2)[what]]
    assert all(session["at"] >= first["started"] for session in kept["resumed"])


class Look(pl.Callback):
    """Reads the record after the recorder."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seen: list[dict[str, Any]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(record(self.run))


def test_the_best_so_far_is_told_while_a_run_trains(experiment: Experiment, tmp_path: Path) -> None:
    best = ModelCheckpoint(str(tmp_path / "checkpoints"), "best", "val/loss")
    data = MadeImages("", batch_size=8, val_size=10)
    with Run(experiment) as run:
        look = Look(run)
        callbacks = [best, RecordUpdater(run), look]
        trainer = made_trainer(tmp_path, max_epochs=3, callbacks=callbacks, enable_checkpointing=True)
        trainer.fit(made_task(), datamodule=data)
    assert "best/val/loss" not in look.seen[0]["metrics"]
    told = [(seen["metrics"]["best/val/loss"], seen["metrics"]["val/loss"]) for seen in look.seen[1:]]
    assert [lowest for lowest, _ in told] == [min(loss for _, loss in told[: n + 1]) for n in range(2)]


@pytest.mark.parametrize("error", [ZeroDivisionError(), Interrupted(SIGTERM)], ids=["error", "signal"])
def test_how_far_a_run_had_come_is_noted_when_it_is_stopped(
    error: BaseException, experiment: Experiment, tmp_path: Path
) -> None:
    def stop() -> None:
        raise error

    run, data = Run(experiment), MadeImages("", batch_size=8, val_size=10)
    trainer = made_trainer(tmp_path, max_epochs=3, callbacks=[RecordUpdater(run), At(1, 2, stop)])
    with pytest.raises(type(error)), run:
        trainer.fit(made_task(), datamodule=data)
    assert (record(run)["epochs"], record(run)["steps"]) == (1, 6)
    assert "train/loss" in record(run)["metrics"]
