"""The input itself, from a code that is too small to copy it."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric, MetricCollection
from torchmetrics.image import PeakSignalNoiseRatio
from torchmetrics.regression import MeanSquaredError

from leyden import DataSpec, OptimizerFactory, Predictions, SchedulerFactory, Task


class Reconstruction(Task):
    """Mean squared error between the network's output and its own input; any targets of the data are not looked at.

    Any network fits: it is asked for as many values as an input has, and they are compared in that order. Of images
    the metrics are the mean squared error and the peak signal-to-noise ratio (dB) of values from 0 to 1; of others the
    mean squared error of the inputs as they are handed out.

    The arguments are those of Task.
    """

    needs_inputs: ClassVar = True

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        metrics: dict[str, Metric | MetricCollection] = {"mse": MeanSquaredError()}
        if spec.mean:
            metrics["psnr"] = PeakSignalNoiseRatio(data_range=1.0)
        measured = MetricCollection(metrics, compute_groups=False)
        super().__init__(network, spec, optimizer, scheduler, measured, measured.clone())
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(spec.mean or (0.0,)).view(-1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std or (1.0,)).view(-1, 1), persistent=False)

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        return math.prod(spec.input_shape)

    def targets(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return batch[0].flatten(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over (B, values) outputs and inputs."""
        return F.mse_loss(outputs, targets)

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.as_stored(outputs), self.as_stored(targets)

    def as_stored(self, outputs: Tensor) -> Tensor:
        """Values as they were before the datamodule normalised them: (B, values) as (B, channels, values of one)."""
        return outputs.view(len(outputs), len(self.mean), -1) * self.std + self.mean

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """How far each output is from its input: `mse` and, of images, `psnr`."""
        made, true = self.metric_inputs(outputs, inputs.flatten(1))
        mse = (made - true).square().flatten(1).mean(dim=1)
        return {"mse": mse, "psnr": -10 * mse.log10()} if self.spec.mean else {"mse": mse}
