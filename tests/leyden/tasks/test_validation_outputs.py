from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from leyden import DataSpec, Task, UserError
from tests.helpers.trainers import made_trainer


class Fitted(Task):
    """Keeps the mean of the outputs of the last validation."""

    def __init__(self, *parts: Any, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(0.0))
        self.seen: list[tuple[int, ...]] = []

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean()

    def validated(self, outputs: Tensor, targets: Tensor) -> None:
        self.seen.append((*outputs.shape, *targets.shape))
        self.mean.copy_(outputs.mean())


def validated(task: Fitted, *batches: Any) -> None:
    trainer = made_trainer(Path(), max_epochs=1)
    trainer.validate(task, DataLoader(list(batches), batch_size=None), verbose=False)  # type: ignore[arg-type]


def test_a_task_gets_all_outputs_of_a_validation_and_keeps_what_it_fits() -> None:
    task = Fitted(nn.Identity(), DataSpec("regression", (1,), 1))
    validated(task, (torch.ones(4, 1), torch.zeros(4, 1)), (torch.full((2, 1), 4.0), torch.zeros(2, 1)))
    assert task.seen == [(6, 1, 6, 1)]
    assert task.state_dict()["mean"] == pytest.approx(2.0)


def test_items_of_different_shapes_are_refused() -> None:
    task = Fitted(nn.Identity(), DataSpec("regression", (1,), 1))
    with pytest.raises(UserError, match="needs the same shape of all items"):
        validated(task, (torch.ones(4, 1), torch.zeros(4, 1)), (torch.ones(4, 3), torch.zeros(4, 3)))
