"""The base class of averages: by default the mean of the weights after each step."""

from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from leyden.callbacks.averaging import Averaging
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.tasks.test_task import made_task


class Weights(L.Callback):
    """Keeps the weights after each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.seen.append({name: value.detach().clone() for name, value in pl_module.named_parameters()})


def test_the_average_is_the_mean_of_the_weights_after_each_step(tmp_path: Path) -> None:
    data, weights = MadeImages("", batch_size=8, val_size=10), Weights()
    task = made_task()
    made_trainer(tmp_path, max_epochs=2, callbacks=[weights, Averaging()]).fit(task, datamodule=data)
    assert len(weights.seen) > 4
    for name, value in task.named_parameters():  # the average, once training has ended
        torch.testing.assert_close(value, torch.stack([seen[name] for seen in weights.seen]).mean(dim=0))
