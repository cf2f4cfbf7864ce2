"""A small run, and the same run resumed within an epoch: both must end with the same bits."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import nn

from leyden.callbacks.last import LastCheckpoint
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import Saved
from tests.leyden.tasks.test_task import SPEC, Classification


class Rates(pl.Callback):
    """Learning rate of the first parameter group in each step."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        if len(self.seen) == trainer.global_step - self.first:
            self.seen.append(float(optimizer.param_groups[0]["lr"]))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.first = trainer.global_step


class Run:
    """Three epochs of four batches, with a checkpoint after each step.

    Args:
        folder: of its checkpoints.
        optimizer: of the network.
        scheduler: of the optimizer.
        network: makes the network.
        settings: of the Trainer.

    Attributes:
        states: checkpoints, in their order.
        rates: learning rate of each step.
    """

    def __init__(
        self,
        folder: Path,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
        network: Any = lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 4)),
        **settings: Any,
    ) -> None:
        self.folder, self.factories, self.network = folder, (optimizer, scheduler), network
        self.settings = {"max_epochs": 3, **settings}
        self.states, self.rates = self._fit(None, self.settings)

    def resume(self, after: int, **settings: Any) -> tuple[dict[str, Any], list[float]]:
        """Last checkpoint, and the rates of the further steps, of the run resumed after some steps."""
        path = self.folder / f"after_{after}.ckpt"
        torch.save(next(state for state in self.states if state["global_step"] == after), path)
        states, rates = self._fit(path, {**self.settings, **settings})
        return states[-1], rates

    def _fit(self, start: Path | None, settings: dict[str, Any]) -> tuple[list[dict[str, Any]], list[float]]:
        torch.manual_seed(0 if start is None else 1)
        data, saved, rates = MadeImages("", batch_size=8, val_size=10), Saved(), Rates()
        task = Classification(self.network(), SPEC, *self.factories)
        last = LastCheckpoint(str(self.folder), every_n_steps=1)
        trainer = made_trainer(self.folder, callbacks=[last, rates], plugins=[saved], **settings)
        trainer.fit(task, datamodule=data, ckpt_path=start, weights_only=True)
        return saved.states, rates.seen


def assert_same(one: Any, other: Any, place: str = "") -> None:
    """Check that two states are equal to the bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key, value in one.items():
            assert_same(value, other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for number, value in enumerate(one):
            assert_same(value, other[number], f"{place}.{number}")
    else:
        assert one == other or one != one, place


def assert_resumes(run: Run, after: int = 6) -> None:
    """Check that a run resumed after some steps has the same weights, optimizer, schedule and rates."""
    state, rates = run.resume(after)
    assert rates == run.rates[after:]
    for key in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_same(state[key], run.states[-1][key], key)
