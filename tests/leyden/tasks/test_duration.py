import math
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, IterableDataset

from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.randomness import Randomness
from leyden.callbacks.resume_state import total_steps
from leyden.system.errors import UserError
from leyden.tasks.duration import accumulation, duration
from leyden.tasks.schedulers import SchedulerFactory
from myproject.schedulers import onecycle, polynomial, warmup_cosine
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import At, Saved
from tests.leyden.tasks.test_task import SPEC, made_task

PLANS: list[dict[int, int]] = [{0: 4, 2: 1}, {0: 1, 1: 3}, {2: 8}, {0: 3, 7: 1}, {0: 2}]
ENDS: list[dict[str, int]] = [
    {"max_epochs": 3},
    {"max_epochs": 5, "max_steps": 11},
    {"max_epochs": -1, "max_steps": 17},
    {"max_epochs": 4, "limit_train_batches": 5},
]


class Ends(pl.Callback):
    """What a run turned out to be."""

    steps = epochs = batches = 0

    def on_train_batch_end(self, *_: Any) -> None:
        self.batches += 1

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs = trainer.current_epoch + 1

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps = trainer.global_step


@pytest.mark.parametrize("end", ENDS, ids=str)
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_duration_is_that_of_the_run(plan: dict[int, int], end: dict[str, int], tmp_path: Path) -> None:
    made: list[int] = []

    def make(optimizer: Optimizer, total: int) -> LRScheduler:
        made.append(total)
        return polynomial(optimizer, total, power=1.0)

    ends = Ends()
    task = made_task(SPEC, SchedulerFactory(make, "step", length_as="total"))
    callbacks = [GradientAccumulationScheduler(dict(plan)), ends]
    trainer = made_trainer(tmp_path, callbacks=callbacks, limit_val_batches=0, **end)
    trainer.fit(task, datamodule=MadeImages("", batch_size=4, val_size=10))  # 30 pictures: 8 batches an epoch
    assert duration(trainer) == (ends.steps, ends.epochs, ends.batches)
    assert made == [ends.steps] == [total_steps(trainer)]
    assert task.optimizers().param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)  # type: ignore[union-attr]


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("end", ENDS, ids=str)
def test_without_a_plan_the_duration_is_lightnings(every: int, end: dict[str, int], tmp_path: Path) -> None:
    trainer = made_trainer(tmp_path, accumulate_grad_batches=every, limit_val_batches=0, **end)
    trainer.fit(made_task(), datamodule=MadeImages("", batch_size=4, val_size=10))
    assert duration(trainer).steps == trainer.estimated_stepping_batches == trainer.global_step
    assert accumulation(trainer, 5) == every


@pytest.mark.parametrize("schedule", [onecycle, warmup_cosine])
def test_a_schedule_reaches_its_peak_and_its_end(schedule: Any, tmp_path: Path) -> None:
    rates: list[float] = []

    class GracefulShutdown(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    task = made_task(SPEC, SchedulerFactory(schedule, "step", length_as="total"))
    trainer = made_trainer(
        tmp_path,
        max_epochs=5,
        callbacks=[GradientAccumulationScheduler({0: 4, 2: 1}), GracefulShutdown()],
        limit_val_batches=0,
    )
    trainer.fit(task, datamodule=MadeImages("", batch_size=4, val_size=10))
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates[-1] < 1e-3


class Endless(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Of unknown length."""

    def __iter__(self) -> Any:
        return iter([(torch.zeros(1, 6, 6), torch.tensor(n % 4)) for n in range(12)])


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_data_of_unknown_length_have_no_steps_to_count(interval: Any, tmp_path: Path) -> None:
    def fit(**end: int) -> float:
        task = made_task(SPEC, SchedulerFactory(polynomial, interval, length_as="total"))
        trainer = made_trainer(tmp_path, limit_val_batches=0, **end)
        trainer.fit(task, DataLoader(Endless(), batch_size=4))
        return duration(trainer).steps

    if interval == "step":
        with pytest.raises(UserError, match=r"trainer\.max_steps"):
            fit(max_epochs=2)
    else:
        assert math.isinf(fit(max_epochs=2))
    assert fit(max_epochs=2, max_steps=4) == 4


def run(folder: Path, *callbacks: pl.Callback, again: bool = False, **end: int) -> tuple[dict[str, Any], pl.Trainer]:
    """Four epochs of eight batches with a schedule of steps; the state of the network and of its optimizer."""
    folder.mkdir(exist_ok=True)
    task = made_task(SPEC, SchedulerFactory(partial(onecycle, cycle_momentum=False), "step", length_as="total"))
    last = LastCheckpoint(str(folder), every_n_steps=1)
    plan = GradientAccumulationScheduler({0: 4, 2: 2, 3: 1})
    settings: dict[str, Any] = {"max_epochs": 4, "limit_val_batches": 0, **end}
    trainer = made_trainer(folder, callbacks=[last, Randomness(0), plan, *callbacks], plugins=[Saved()], **settings)
    data = MadeImages("", batch_size=4, val_size=10)
    trainer.fit(task, datamodule=data, ckpt_path=folder / "last.ckpt" if again else None, weights_only=True)
    return {"network": task.state_dict(), "metrics": dict(trainer.callback_metrics)}, trainer


class KilledError(Exception):
    pass


def kill() -> None:
    raise KilledError


@pytest.mark.sample(3)
@pytest.mark.parametrize("epoch", [0, 2, 3])
@pytest.mark.parametrize("batch", [4, 5, 6])
def test_a_run_whose_accumulation_changes_resumes_within_an_epoch(epoch: int, batch: int, tmp_path: Path) -> None:
    whole, trainer = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "killed", At(epoch, batch, kill))
    resumed, other = run(tmp_path / "killed", again=True)
    assert other.global_step == trainer.global_step == 2 * 2 + 4 + 8
    for part, values in whole.items():
        assert resumed[part].keys() == values.keys()
        assert all(torch.equal(resumed[part][name], value) for name, value in values.items())


def test_a_run_whose_accumulation_changes_resumes_with_more_epochs(tmp_path: Path) -> None:
    run(tmp_path / "some")
    _, trainer = run(tmp_path / "some", again=True, max_epochs=6)
    assert trainer.global_step == duration(trainer).steps == 2 * 2 + 4 + 8 * 3
    assert trainer.optimizers[0].param_groups[0]["lr"] < 1e-3
