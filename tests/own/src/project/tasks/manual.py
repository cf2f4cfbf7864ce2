"""Manual optimisation: two updates with the same batch."""

from typing import Any

from own_project.tasks.classification import Classification
from torch import nn

from leyden import DataSpec


class Manual(Classification):
    def __init__(self, network: nn.Module, spec: DataSpec, **settings: Any) -> None:
        super().__init__(network, spec, **settings)
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()
        for _ in range(2):
            optimizer.zero_grad()
            loss = self.loss(*self.outputs_and_targets(batch))
            self.manual_backward(loss)
            optimizer.step()
        self.log("train/mine", loss, on_step=False, on_epoch=True)
