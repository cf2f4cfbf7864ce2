"""last.ckpt is written between two steps, and only there."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, raise_signal
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from leyden.callbacks.last import LastCheckpoint
from leyden.checkpoints.files import DurableCheckpoints
from leyden.system.atomic_files import previous
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import GracefulShutdown, Interrupted
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.tasks.test_task import made_task


class Saved(DurableCheckpoints):
    """Notes what is saved, and keeps each file."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[dict[str, Any]] = []

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        super().save_checkpoint(checkpoint, path, storage_options)
        self.states.append(torch.load(path, weights_only=True))

    @property
    def moments(self) -> list[tuple[int, int, int]]:
        """Epoch, batch and step of each."""
        return [(s["progress"]["epoch"], s["progress"]["batch"], s["global_step"]) for s in self.states]


class At(pl.Callback):
    """Does something before a batch of an epoch."""

    def __init__(self, epoch: int, batch: int, work: Callable[[], object]) -> None:
        self.place, self.work = (epoch, batch), work

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == self.place:
            self.work()


def fit(folder: Path, last: LastCheckpoint, *more: pl.Callback, **settings: Any) -> Saved:
    """Three epochs of four batches."""
    saved, data = Saved(), MadeImages("", batch_size=8, val_size=10)
    arguments: dict[str, Any] = {"max_epochs": 3, "callbacks": [last, *more], "plugins": [saved], **settings}
    made_trainer(folder, **arguments).fit(made_task(), datamodule=data)
    return saved


@pytest.mark.parametrize(
    ("every", "settings", "moments"),
    [
        ({}, {}, [(1, 0, 4), (2, 0, 8), (3, 0, 12)]),
        ({"every_n_epochs": 2}, {}, [(2, 0, 8), (3, 0, 12)]),
        ({"every_n_epochs": 9}, {}, [(3, 0, 12)]),
        ({"every_n_steps": 3}, {}, [(0, 3, 3), (1, 0, 4), (1, 3, 7), (2, 0, 8), (2, 3, 11), (3, 0, 12)]),
        ({"every_n_steps": 5, "every_n_epochs": 9}, {}, [(1, 1, 5), (2, 2, 10), (3, 0, 12)]),
        ({"every_n_steps": 1}, {"accumulate_grad_batches": 2, "max_epochs": 1}, [(0, 2, 1), (1, 0, 2)]),
        ({"every_minutes": 0.0}, {"max_epochs": 1}, [(0, 1, 1), (0, 2, 2), (0, 3, 3), (1, 0, 4)]),
        ({"every_minutes": 60.0}, {"max_epochs": 1}, [(1, 0, 4)]),
        ({"every_n_steps": 1}, {"fast_dev_run": True}, []),
        ({}, {"max_epochs": -1, "max_steps": 6}, [(1, 0, 4), (2, 0, 6)]),
    ],
)
def test_it_is_written_between_steps(
    every: dict[str, Any], settings: dict[str, Any], moments: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    saved = fit(tmp_path, LastCheckpoint(str(tmp_path), **every), **settings)
    assert saved.moments == moments
    assert (tmp_path / "last.ckpt").exists() == bool(moments)
    assert previous(tmp_path / "last.ckpt").exists() == (len(moments) > 1)
    assert len(list(tmp_path.iterdir())) <= 2


def test_it_holds_what_was_measured_and_where_the_run_was(tmp_path: Path) -> None:
    saved = fit(tmp_path, LastCheckpoint(str(tmp_path), every_n_steps=3))
    middle, between = saved.states[0], saved.states[1]
    assert len(middle["progress"]["measured"][0]["steps"]) == 3
    assert "measured" not in between["progress"]
    assert (middle["progress"]["logged"], between["progress"]["logged"]) == (3, 4)
    assert {"train/loss", "val/loss", "val/acc"} <= between["progress"]["metrics"].keys()
    assert middle["progress"]["length"] == between["progress"]["length"] == 12
    loop = between["loops"]["fit_loop"]
    assert set(loop["epoch_progress"]["current"].values()) == {1}
    assert set(loop["epoch_loop.batch_progress"]["current"].values()) == {0}


@pytest.mark.parametrize(("batch", "moment"), [(2, (1, 3, 7)), (3, (2, 0, 8)), (0, (1, 1, 5))])
def test_a_signal_is_answered_after_the_step_with_a_checkpoint(
    batch: int, moment: tuple[int, int, int], tmp_path: Path
) -> None:
    last = LastCheckpoint(str(tmp_path), every_n_epochs=9)
    saved = Saved()
    with GracefulShutdown() as last.shutdown, pytest.raises(Interrupted) as left:
        fit(tmp_path, last, At(1, batch, lambda: raise_signal(SIGINT)), plugins=[saved])
    assert left.value.signal == SIGINT
    assert saved.moments == [moment]
    assert last.shutdown.received == SIGINT


def test_a_signal_in_the_last_step_is_answered_when_training_has_ended(tmp_path: Path) -> None:
    last, saved = LastCheckpoint(str(tmp_path)), Saved()
    with GracefulShutdown() as last.shutdown, pytest.raises(Interrupted):
        fit(tmp_path, last, At(2, 3, lambda: raise_signal(SIGINT)), plugins=[saved])
    assert saved.moments[-1] == (3, 0, 12)


def test_a_second_signal_ends_at_once_and_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.system.graceful_shutdown._TOGETHER", 0.0)  # it comes later than the first

    def twice() -> None:
        raise_signal(SIGINT)
        raise_signal(SIGINT)

    last, saved = LastCheckpoint(str(tmp_path)), Saved()
    with GracefulShutdown() as last.shutdown, pytest.raises(Interrupted):
        fit(tmp_path, last, At(1, 2, twice), plugins=[saved])
    assert saved.moments == [(1, 0, 4)]


def test_an_error_in_a_step_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    saved = Saved()
    with pytest.raises(ZeroDivisionError):
        fit(tmp_path, LastCheckpoint(str(tmp_path)), At(1, 2, lambda: 1 // 0), plugins=[saved])
    assert saved.moments == [(1, 0, 4)]


def test_checkpoints_of_others_hold_nothing_of_its(tmp_path: Path) -> None:
    best = pl.callbacks.ModelCheckpoint(str(tmp_path), "best", "val/loss")
    fit(tmp_path, LastCheckpoint(str(tmp_path)), best, enable_checkpointing=True)
    assert "progress" not in torch.load(tmp_path / "best.ckpt", weights_only=True)


@pytest.mark.parametrize("setting", ["every_n_epochs", "every_n_steps"])
def test_how_often_is_at_least_once(setting: str) -> None:
    with pytest.raises(UserError, match=rf"^callbacks\.last\.{setting}=0: must be at least 1$"):
        LastCheckpoint("", **{setting: 0})
