"""Several optimizers by name, each for a part of the network, and their schedules."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader

from leyden import DataSpec, OptimizerFactory, SchedulerFactory, Task, UserError
from tests.helpers.trainers import made_trainer


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 1), nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.first(x) + self.second(x)
        return outputs


class Alternating(Task):
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean()

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.optimize("second", self.loss(*self.outputs_and_targets(batch)))
        if batch_idx % 2 == 0:
            self.optimize("first", self.loss(*self.outputs_and_targets(batch)), clip_norm=1e-3)


def optimizers(**rates: float) -> dict[str, OptimizerFactory]:
    return {name: OptimizerFactory(partial(SGD, lr=rate)) for name, rate in rates.items()}


def trained(schedulers: Any = None, epochs: int = 2, **rates: float) -> tuple[Alternating, L.Trainer]:
    task = Alternating(Two(), DataSpec("regression", (2,), 1), optimizers(**rates), schedulers)
    batches = DataLoader([(torch.ones(4, 2), torch.zeros(4, 1))] * 4, batch_size=None)  # type: ignore[arg-type]
    trainer = made_trainer(Path(), max_epochs=epochs)
    trainer.fit(task, batches)
    return task, trainer


def rates_of(trainer: L.Trainer) -> list[float]:
    return [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]


def test_each_optimizer_moves_its_own_part_only() -> None:
    torch.manual_seed(0)
    before = Two().state_dict()
    torch.manual_seed(0)
    task, trainer = trained(first=0.0, second=0.1)
    after = task.network.state_dict()
    assert torch.equal(after["first.weight"], before["first.weight"])
    assert not torch.equal(after["second.weight"], before["second.weight"])
    assert trainer.global_step == 2 * (4 + 2)


def test_a_gradient_is_clipped_to_a_norm() -> None:
    torch.manual_seed(0)
    before = Two().first.weight.detach().clone()
    torch.manual_seed(0)
    task, _ = trained(epochs=1, first=1.0, second=0.0)
    moved = (task.network.first.weight.detach() - before).norm()  # type: ignore[union-attr]
    assert 0 < moved < 2.1e-3  # two steps


def test_schedules_count_the_epochs_or_steps_of_their_optimizer() -> None:
    of_epochs = SchedulerFactory(partial(StepLR, step_size=1, gamma=0.5), interval="epoch")
    of_steps = SchedulerFactory(partial(StepLR, step_size=1, gamma=0.5), interval="step")
    _, trainer = trained({"first": of_epochs, "second": of_steps}, first=1e-3, second=1e-3)
    assert rates_of(trainer) == pytest.approx([1e-3 / 2**2, 1e-3 / 2**8])


def test_a_schedule_may_be_left_out() -> None:
    of_epochs = SchedulerFactory(partial(StepLR, step_size=1, gamma=0.5), interval="epoch")
    _, trainer = trained({"second": of_epochs}, first=1e-3, second=1e-3)
    assert rates_of(trainer) == pytest.approx([1e-3, 1e-3 / 4])


def test_a_plateau_follows_its_metric() -> None:
    class Logged(Alternating):
        def training_step(self, batch: Any, batch_idx: int) -> None:
            super().training_step(batch, batch_idx)
            self.log("train/constant", 1.0, on_step=False, on_epoch=True)

    plateau = SchedulerFactory(partial(ReduceLROnPlateau, patience=0, factor=0.5), monitor="train/constant")
    spec = DataSpec("regression", (2,), 1)
    task = Logged(Two(), spec, optimizers(first=1e-3, second=1e-3), {"first": plateau})
    trainer = made_trainer(Path(), max_epochs=4)
    trainer.fit(task, DataLoader([(torch.ones(4, 2), torch.zeros(4, 1))] * 2, batch_size=None))  # type: ignore[arg-type]
    assert rates_of(trainer)[0] < 1e-3


def test_a_name_of_no_part_is_refused() -> None:
    spec = DataSpec("regression", (2,), 1)
    with pytest.raises(UserError, match=r"optimizer\.frist: model Two has no part frist; did you mean first\?"):
        Alternating(Two(), spec, optimizers(frist=0.1)).check_optimizers()
    schedule = {"thrid": SchedulerFactory(partial(StepLR, step_size=1))}
    with pytest.raises(UserError, match=r"scheduler\.thrid: no optimizer has this name"):
        Alternating(Two(), spec, optimizers(first=0.1), schedule).check_schedulers(10, 1)


def test_a_schedule_counts_batches_however_many_steps_are_made_with_each() -> None:
    class Often(Alternating):
        def training_step(self, batch: Any, batch_idx: int) -> None:
            for _ in range(5):
                self.optimize("first", self.loss(*self.outputs_and_targets(batch)))

    halved = SchedulerFactory(partial(StepLR, step_size=1, gamma=0.5), interval="step")
    task = Often(Two(), DataSpec("regression", (2,), 1), optimizers(first=1e-3, second=1e-3), {"first": halved})
    trainer = made_trainer(Path(), max_epochs=1)
    trainer.fit(task, DataLoader([(torch.ones(4, 2), torch.zeros(4, 1))] * 3, batch_size=None))  # type: ignore[arg-type]
    assert rates_of(trainer)[0] == pytest.approx(1e-3 / 8)
