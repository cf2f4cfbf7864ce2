"""A run goes on from last.ckpt where it was, and not where it was not."""

from pathlib import Path
from signal import SIGINT, raise_signal
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from leyden.callbacks.last import LastCheckpoint
from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import GracefulShutdown, Interrupted
from leyden.training.build import build_trainer
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import At, Saved, fit
from tests.leyden.callbacks.test_randomness import Draw
from tests.leyden.tasks.test_task import made_task


class Test(pl.Callback):
    """Is interrupted in it."""

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        raise KeyboardInterrupt


def go_on(folder: Path, *callbacks: pl.Callback, **settings: Any) -> pl.Trainer:
    """From last.ckpt; three epochs of four batches, if no other end is given."""
    more: dict[str, Any] = {"max_epochs": 3, "plugins": [Saved()], **settings}
    trainer = made_trainer(folder, callbacks=[LastCheckpoint(str(folder)), *callbacks], **more)
    data = MadeImages("", batch_size=8, val_size=10)
    trainer.fit(made_task(), datamodule=data, ckpt_path=folder / "last.ckpt", weights_only=True)
    return trainer


def early(patience: int) -> EarlyStopping:
    """Nothing is ever better than the first epoch."""
    return EarlyStopping("val/loss", min_delta=1e9, patience=patience)


def stop_early(folder: Path, moment: str) -> None:
    """A run of two epochs that is interrupted when it has been trained."""
    last, data = LastCheckpoint(str(folder)), MadeImages("", batch_size=8, val_size=10)
    callbacks = [last, early(1), *([Test()] if moment == "test" else [])]
    if moment == "last step":
        callbacks.append(At(1, 3, lambda: raise_signal(SIGINT)))
    trainer, task = made_trainer(folder, max_epochs=9, callbacks=callbacks, plugins=[Saved()]), made_task()

    def run() -> None:
        trainer.fit(task, datamodule=data)
        trainer.test(task, datamodule=data, verbose=False)

    with GracefulShutdown() as last.shutdown, pytest.raises(Interrupted if moment == "last step" else SystemExit):
        run()
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 8


@pytest.mark.parametrize("moment", ["last step", "test"])
@pytest.mark.parametrize(
    ("patience", "most", "steps"), [(1, 9, 8), (0, 9, 8), (3, 9, 16), (1, 10, 12), (9, 9, 36), (1, 2, 8)]
)
def test_a_run_that_stopped_early_trains_on_only_if_more_is_given(
    patience: int, most: int, steps: int, moment: str, tmp_path: Path
) -> None:
    stop_early(tmp_path, moment)
    trainer = go_on(tmp_path, early(patience), max_epochs=most)
    assert trainer.global_step == steps
    assert {"train/loss", "val/loss"} <= trainer.callback_metrics.keys(), "its result is told again"
    assert go_on(tmp_path, early(patience), max_epochs=most).global_step == steps


def stop_within(folder: Path, batch: int) -> None:
    """In the second epoch; at batch 0, before it."""
    last = LastCheckpoint(str(folder))
    with GracefulShutdown() as last.shutdown, pytest.raises(Interrupted):
        fit(folder, last, At(int(batch > 0), batch - 1 if batch else 3, lambda: raise_signal(SIGINT)))


@pytest.mark.parametrize("other", [{"accumulate_grad_batches": 2}, {"limit_train_batches": 3}], ids=str)
def test_batches_mean_the_same_until_the_epoch_is_over(other: dict[str, int], tmp_path: Path) -> None:
    stop_within(tmp_path, batch=2)
    with pytest.raises(UserError, match=r"^trainer: the run was stopped within an epoch; .*next epoch$") as refusal:
        go_on(tmp_path, **other)
    assert "\n" not in str(refusal.value)
    assert go_on(tmp_path).global_step == 12
    stop_within(tmp_path / "between", batch=0)
    assert go_on(tmp_path / "between", **other).global_step == 4 + 2 * (2 if "accumulate_grad_batches" in other else 3)


def drawn(folder: Path, *callbacks: pl.Callback, ckpt: Path | None = None) -> dict[tuple[int, ...], Any]:
    """What a callback of the user's draws, in a Trainer as a run has it."""
    config = compose(["callbacks=none", "logger=none", "trainer=cpu", "trainer.max_epochs=2"]).config
    last = {"_target_": "leyden.callbacks.last.LastCheckpoint", "dirpath": str(folder)}
    mine = {"_target_": "tests.leyden.callbacks.test_randomness.Draw"}
    config["trainer"] |= {"enable_progress_bar": False}
    config |= {"callbacks": {"mine": mine, "last": last}, "paths": {"run_dir": str(folder)}}
    trainer = build_trainer(config, *callbacks)
    (draw,) = (callback for callback in trainer.callbacks if isinstance(callback, Draw))  # type: ignore[attr-defined]
    data = MadeImages("", batch_size=8, val_size=10)
    try:
        trainer.fit(made_task(), datamodule=data, ckpt_path=ckpt, weights_only=True)
    except Interrupted:
        return {}
    return draw.seen


def test_a_callback_of_the_users_draws_the_same_within_an_epoch_that_is_resumed(tmp_path: Path) -> None:
    expected = drawn(tmp_path / "whole")
    stop_within(tmp_path, batch=2)
    found = drawn(tmp_path, ckpt=tmp_path / "last.ckpt")
    assert found.keys() == {(1, 2), (1, 3)}
    assert found == {place: expected[place] for place in found}
