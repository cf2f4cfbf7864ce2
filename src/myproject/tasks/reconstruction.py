"""Reconstruction: the network predicts its own input."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.image import PeakSignalNoiseRatio
from torchmetrics.regression import MeanSquaredError

from leyden import (
    DataSpec,
    Evaluated,
    Plot,
    Predictions,
    Task,
    reconstruction_plots,
)


class Reconstruction(Task):
    """Mean squared error between the network's output and its input; targets of the data are ignored.

    Works with any network: `output_size` is the number of values of an input. For images the metrics are the mean
    squared error and the peak signal-to-noise ratio (dB) of values from 0 to 1; for other inputs the mean squared error
    of the values that the network receives.

    The arguments are those of Task.
    """

    needs_inputs: ClassVar = True
    KIND: ClassVar = "regression"  # of metrics by name: of all values together

    def __init__(self, network: nn.Module, spec: DataSpec, *parts: Any, **settings: Any) -> None:
        super().__init__(network, spec, *parts, **settings)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(spec.mean or (0.0,)).view(-1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std or (1.0,)).view(-1, 1), persistent=False)

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        return math.prod(spec.input_shape)

    def metrics(self, split: str) -> dict[str, Metric]:
        metrics: dict[str, Metric] = {"mse": MeanSquaredError()}
        if self.spec.mean:
            metrics["psnr"] = PeakSignalNoiseRatio(data_range=1.0)
        return metrics

    def targets(self, batch: Any) -> Tensor:
        targets: Tensor = self.inputs(batch)
        return targets.flatten(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error over (B, values) outputs and inputs."""
        return F.mse_loss(outputs, targets)

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.as_stored(outputs), self.as_stored(targets)

    def scores(self, outputs: Tensor, targets: Tensor, decided: bool = False) -> tuple[Tensor, Tensor]:
        return self.as_stored(outputs).flatten(), self.as_stored(targets).flatten()

    @property
    def scored(self) -> list[str]:
        return ["value"]

    def as_stored(self, outputs: Tensor) -> Tensor:
        """Values before normalisation: (B, values) as (B, channels, values of a channel)."""
        return outputs.view(len(outputs), len(self.mean), -1) * self.std + self.mean

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of each item."""
        return (outputs - targets).square().mean(dim=1)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        return reconstruction_plots(evaluated, self.spec, self.as_stored)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Reconstruction error of each input: `mse` and, for images, `psnr` (dB)."""
        outputs, true = self.metric_inputs(outputs, inputs.flatten(1))
        mse = (outputs - true).square().flatten(1).mean(dim=1)
        return {"mse": mse, "psnr": -10 * mse.log10()} if self.spec.mean else {"mse": mse}
