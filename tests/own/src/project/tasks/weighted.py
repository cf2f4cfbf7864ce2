"""Regression whose items have a weight each."""

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanAbsoluteError, Metric

from leyden import Task


class Weighted(Task):
    TARGETS = "regression"

    def targets(self, batch: Any) -> tuple[Tensor, Tensor]:
        return batch[1][:, None], batch[2][:, None]

    def loss(self, outputs: Tensor, targets: tuple[Tensor, Tensor]) -> Tensor:
        values, weights = targets
        return (F.mse_loss(outputs, values, reduction="none") * weights).mean()

    def metrics(self, split: str) -> dict[str, Metric]:
        return {"mae": MeanAbsoluteError()}

    def metric_inputs(self, outputs: Tensor, targets: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return outputs, targets[0]

    def truth(self, targets: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        return {"target": targets[0][:, 0], "weight": targets[1][:, 0]}
