"""Loss and metrics over an epoch, at next to no cost a step."""

import math

import torch
from torch import Tensor
from torchmetrics import MeanMetric, MetricCollection


class Meter:
    """Collects what each step saw and gives it to torchmetrics a block of steps at a time.

    An update of a metric costs about as much as a step of a small network; updating with fifty batches at once costs
    little more than with one, and counts the same items. It is no nn.Module: it has nothing to learn or to save.

    Args:
        metrics: they are given (B, ...) outputs and (B, ...) targets.
        block: how many steps are collected.
    """

    def __init__(self, metrics: MetricCollection, block: int = 50) -> None:
        self.metrics, self.loss, self.block = metrics, MeanMetric(nan_strategy=math.nan), block
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """One step: the mean loss of a batch, and its (B, ...) outputs and targets."""
        self._steps.append((loss.detach(), outputs.detach(), targets))
        if len(self._steps) == self.block:
            self._flush()

    def compute(self) -> dict[str, Tensor]:
        """The mean loss of an item, and the metrics, over all that was added, in all processes."""
        self._flush()
        return {"loss": self.loss.compute(), **self.metrics.compute()}

    def reset(self) -> None:
        """Forget what was added."""
        self._steps.clear()
        self.loss.reset()
        self.metrics.reset()

    def _flush(self) -> None:
        if not self._steps:
            return
        losses, outputs, targets = zip(*self._steps, strict=True)
        self._steps.clear()
        device = losses[0].device
        self.loss.to(device)
        self.metrics.to(device)
        sizes = torch.tensor([len(batch) for batch in targets], device=device)
        self.loss.update(torch.stack(losses), weight=sizes)
        self.metrics.update(torch.cat(outputs), torch.cat(targets))
