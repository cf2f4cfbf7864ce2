"""A run with data loaders or metrics of the user's own, interrupted within an epoch, ends as if it had not been."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM, raise_signal
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler
from torchmetrics import MeanMetric

from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.randomness import Randomness
from leyden.data.loader import Batch
from leyden.system.graceful_shutdown import GracefulShutdown, Interrupted
from myproject.tasks.classification import Classification
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import At, Saved
from tests.leyden.tasks.test_task import made_task

Loaders = Callable[[TensorDataset], Any]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


LOADERS: dict[str, Loaders] = {
    "shuffled": lambda data: DataLoader(data, 8, shuffle=True),
    "with a generator": lambda data: DataLoader(data, 8, shuffle=True, generator=seeded()),
    "by two workers": lambda data: DataLoader(data, 8, shuffle=True, num_workers=2),
    "weighted": lambda data: DataLoader(data, 8, sampler=WeightedRandomSampler([1.0] * 30, 30, generator=seeded())),
    "by batches": lambda data: DataLoader(
        data, batch_sampler=BatchSampler(RandomSampler(data, generator=seeded()), 8, False)
    ),
}


class Own(MadeImages):
    """Hands out its training split by a loader of torch."""

    def __init__(self, loader: Loaders) -> None:
        super().__init__("", batch_size=8, val_size=10)
        self.make = loader

    def train_dataloader(self) -> Any:
        inputs, targets = self.splits["train"]
        return self.make(TensorDataset(self.transform("train")(inputs, torch.Generator()), targets))


class Logging(Classification):
    """Logs the mean of something over an epoch."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("train/mine", loss, on_step=False, on_epoch=True)
        return loss


class Measuring(Classification):
    """Has a metric of its own."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if not hasattr(self, "mine"):
            self.mine = MeanMetric()
        loss = super().training_step(batch, batch_idx)
        self.mine.update(loss)
        return loss

    def on_train_epoch_end(self) -> None:
        super().on_train_epoch_end()
        self.log("train/mine", self.mine.compute())
        self.mine.reset()


def made(kind: type[Classification] = Classification) -> Classification:
    task = made_task()
    task.__class__ = kind
    return task


def trained(
    folder: Path, task: Classification, data: pl.LightningDataModule, *more: pl.Callback, ckpt: Path | None = None
) -> dict[str, Any]:
    """Weights and metrics after three epochs of four batches; nothing if the run was interrupted."""
    last = LastCheckpoint(str(folder), every_n_steps=1)
    pl.seed_everything(1, verbose=False)
    trainer = made_trainer(folder, callbacks=[last, Randomness(1), *more], plugins=[Saved()], max_epochs=3)
    try:
        with GracefulShutdown() as last.shutdown:
            trainer.fit(task, datamodule=data, ckpt_path=ckpt, weights_only=True)
    except Interrupted:
        return {}
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return {"metrics": metrics, **{name: value.tolist() for name, value in task.state_dict().items()}}


@pytest.mark.sample(3)
@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("name", LOADERS)
def test_loaders_of_torch_are_resumed_at_epochs(
    name: str, batch: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trained(tmp_path / "whole", made(), Own(LOADERS[name]))
    assert whole
    assert caplog.messages.count(
        "DataLoader: has no position to resume from; an interrupted run repeats its epoch from the start"
    )
    stop = At(1, batch, lambda: raise_signal(SIGTERM))
    assert trained(tmp_path / "parts", made(), Own(LOADERS[name]), stop) == {}
    last = tmp_path / "parts" / "last.ckpt"
    assert torch.load(last, weights_only=True)["progress"]["batch"] == 0
    assert trained(tmp_path / "parts", made(), Own(LOADERS[name]), ckpt=last) == whole


@pytest.mark.parametrize(
    ("kind", "reason"), [(Logging, "train/mine, logged with on_epoch=True"), (Measuring, "the metric mine")]
)
def test_what_a_task_measures_itself_is_whole_after_resuming(
    kind: type[Classification], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = MadeImages("", batch_size=8, val_size=10)
    whole = trained(tmp_path / "whole", made(kind), data)
    assert "train/mine" in whole["metrics"]
    stop = At(1, 2, lambda: raise_signal(SIGTERM))
    assert trained(tmp_path / "parts", made(kind), data, stop) == {}
    assert f"{reason}, is in no checkpoint; an interrupted run repeats its epoch from the start" in caplog.messages
    assert trained(tmp_path / "parts", made(kind), data, ckpt=tmp_path / "parts" / "last.ckpt") == whole


def test_workers_that_stay_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def loader(data: TensorDataset) -> DataLoader[Any]:
        return DataLoader(data, 8, num_workers=1, persistent_workers=True)

    trained(tmp_path, made(), Own(loader))
    assert any(message.startswith("persistent_workers=true: ") for message in caplog.messages)
