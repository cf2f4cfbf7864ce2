"""The fraction of a training run that is done grows evenly from 0 to 1, whatever ends the run."""

import math
from collections.abc import Iterator
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from leyden.callbacks.extent import TimeLeft, fraction_done, validated_before

BARE: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Tiny(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        return self.layer(batch[0]).sum()

    def validation_step(self, batch: Any, _: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Watch(L.Callback):
    """The fraction after each batch, as `Progress` asks for it."""

    def __init__(self) -> None:
        self.fractions: list[float | None] = []
        self._batch, self._validated = 0, 0

    def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
        self._batch = args[3] + 1
        assert self._validated in (validated_before(trainer, args[3]), validated_before(trainer, self._batch))
        self.fractions.append(fraction_done(trainer, self._batch, self._validated))

    def on_train_epoch_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        self._validated = 0

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        self._validated += 1
        if not trainer.sanity_checking:
            self.fractions.append(fraction_done(trainer, self._batch, self._validated))


class Unsized(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from ([torch.zeros(1)] for _ in range(4))


def loader(batches: int) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.zeros(batches, 1)))


def fractions(train: DataLoader[Any], val: int = 3, **settings: Any) -> list[float | None]:
    watch = Watch()
    trainer = L.Trainer(accelerator="cpu", callbacks=[watch], **BARE, **settings)
    trainer.fit(Tiny(), train, loader(val))
    return watch.fractions


@pytest.mark.parametrize(
    ("settings", "batches"),
    [
        ({"max_epochs": 3}, 3 * (8 + 3)),
        ({"max_epochs": 4, "check_val_every_n_epoch": 2}, 4 * 8 + 2 * 3),
        ({"max_epochs": 2, "val_check_interval": 0.25}, 2 * (8 + 4 * 3)),
        ({"max_epochs": 3, "val_check_interval": 6, "check_val_every_n_epoch": None}, 3 * 8 + 4 * 3),
        ({"max_epochs": 2, "limit_val_batches": 0}, 2 * 8),
        ({"max_epochs": 2, "limit_train_batches": 5}, 2 * (5 + 3)),
    ],
)
def test_each_batch_of_training_and_validation_is_a_step_of_the_same_size(
    settings: dict[str, Any], batches: int
) -> None:
    found = fractions(loader(8), **settings)
    assert found == pytest.approx([number / batches for number in range(1, batches + 1)])


def test_whichever_limit_ends_the_run_first_counts() -> None:
    found = fractions(loader(8), max_epochs=100, max_steps=12, limit_val_batches=0)
    assert found == pytest.approx([number / 12 for number in range(1, 13)])
    found = fractions(loader(8), max_epochs=100, max_steps=4, accumulate_grad_batches=2, limit_val_batches=0)
    assert [value for value in found if value is not None][-1] == 1


def test_a_time_limit_counts_too() -> None:
    (*_, last) = fractions(loader(4), max_epochs=-1, max_time={"seconds": 1}, limit_val_batches=0)
    assert last == 1


def test_of_an_epoch_of_unknown_length_only_whole_ones_are_known() -> None:
    found = fractions(DataLoader(Unsized()), max_epochs=2, limit_val_batches=0)
    assert found == [None] * 4 + [0.5] * 4


def test_a_run_without_an_end_has_no_fraction() -> None:
    stop = {"max_epochs": -1, "limit_val_batches": 0}

    class Stop(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
            trainer.should_stop = True

    watch = Watch()
    L.Trainer(accelerator="cpu", callbacks=[watch, Stop()], **BARE, **stop).fit(Tiny(), loader(3), loader(3))
    assert watch.fractions == [None] * 3


def test_the_time_that_is_left_follows_the_pace_of_the_last_epochs() -> None:
    left = TimeLeft()
    assert left.seconds(0.1, 0.0) is None
    left.mark(0.0, 0.0)
    assert left.seconds(0.0, 5.0) is None
    assert left.seconds(0.05, 0.5) is None  # too soon to say
    assert left.seconds(0.25, 10.0) == pytest.approx(30.0)
    for epoch in range(1, 8):  # the first epoch is slow
        left.mark(0.1 * epoch, 100.0 + epoch)
    assert left.seconds(0.7, 107.0) == pytest.approx(3.0)
    assert left.seconds(None, 107.0) is None
    assert not math.isnan(left.seconds(1.0, 108.0) or 0.0)


def test_very_short_epochs_are_taken_together() -> None:
    left = TimeLeft()
    for epoch in range(100):
        left.mark(0.01 * epoch, 0.02 * epoch)
    assert left.seconds(0.99, 1.99) == pytest.approx(0.02, rel=0.1)
