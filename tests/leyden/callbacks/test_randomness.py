"""Random numbers of a step, whatever came before."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch

from leyden.callbacks.randomness import Randomness
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.tasks.test_task import made_task

Drawn = tuple[float, float, float]


def draw() -> Drawn:
    return torch.rand(()).item(), random.random(), float(np.random.rand())


class Draw(pl.Callback):
    """Draws from each generator in each epoch and step, as dropout would, and here and there once more."""

    def __init__(self, *more: int) -> None:
        self.more = more
        self.seen: dict[tuple[int, ...], Drawn] = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen[(trainer.current_epoch,)] = draw()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.seen[trainer.current_epoch, batch_idx] = draw()
        for _ in range(batch_idx in self.more):
            draw()


def drawn(folder: Path, seed: int, *more: int, first: int = 0) -> dict[tuple[int, ...], Drawn]:
    """By epoch, and by epoch and step."""
    torch.manual_seed(first)
    watch, data = Draw(*more), MadeImages("", batch_size=8, val_size=10)
    trainer = made_trainer(folder, max_epochs=3, callbacks=[Randomness(seed), watch])
    trainer.fit(made_task(), datamodule=data)
    return watch.seen


def test_they_are_a_function_of_seed_epoch_and_step(tmp_path: Path) -> None:
    expected = drawn(tmp_path, 1)
    assert len(expected) == 3 + 3 * 4
    assert drawn(tmp_path, 1, 0, 2, first=99) == expected
    for place in range(3):  # torch, random, numpy
        assert len({numbers[place] for numbers in expected.values()}) == len(expected)
    other = drawn(tmp_path, 2)
    assert not set(expected.values()) & set(other.values())


def test_processes_draw_numbers_of_their_own() -> None:
    seen, task, strategy = set(), made_task(), SimpleNamespace(root_device=torch.device("cpu"))
    for rank in range(3):
        trainer: Any = SimpleNamespace(current_epoch=0, global_rank=rank, strategy=strategy)
        Randomness(1).on_train_batch_start(trainer, task, None, 0)
        seen.add(draw())
        Randomness(1).on_train_epoch_start(trainer, task)
        seen.add(draw())
    assert len(seen) == 6
