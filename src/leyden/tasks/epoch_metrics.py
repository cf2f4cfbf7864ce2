"""Loss and metrics of an epoch, at almost no cost in each step."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric, Metric, MetricCollection

from leyden.system.lightning_internals import set_update_count

MetricInputs = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_MOST_VALUES = 4_000_000  # 16 MB of outputs, such as images, are measured at once


class EpochMetrics:
    """Collects losses, outputs and targets, and updates the metrics with a block of steps at a time.

    An update of a metric costs about as much as a step of a small network; updating with fifty batches at once costs
    little more than with one, and counts the same items. It is no nn.Module: it has nothing to learn or to save.

    Args:
        metrics: of (B, ...) outputs and (B, ...) targets.
        block: most steps in a block; fewer if outputs are large.
        metric_inputs: transforms outputs and targets of the loss into inputs of the metrics.
    """

    def __init__(self, metrics: MetricCollection, block: int = 50, metric_inputs: MetricInputs | None = None) -> None:
        self.metrics, self.loss = metrics, MeanMetric(nan_strategy=math.nan)
        self.block, self.metric_inputs = block, metric_inputs
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self._values = 0

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Add a step: the mean loss of a batch, and its (B, ...) outputs and targets."""
        self._steps.append((loss.detach(), outputs.detach(), targets))
        self._values += outputs.numel()
        if len(self._steps) == self.block or self._values > _MOST_VALUES:
            self._flush()

    def compute(self) -> dict[str, Tensor]:
        """Mean loss of an item, and the metrics, over all steps and processes."""
        self._flush()
        return {"loss": self.loss.compute(), **self.metrics.compute()}

    def reset(self) -> None:
        """Remove all steps."""
        self._clear_steps()
        self.loss.reset()
        self.metrics.reset()

    def state(self) -> dict[str, Any]:
        """State since the last reset, as tensors and plain values: complete blocks, and single steps."""
        metrics = self._all()
        return {
            "metrics": {name: dict(metric.metric_state) for name, metric in metrics.items()},
            "updates": {name: metric.update_count for name, metric in metrics.items()},
            "steps": list(self._steps),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another instance."""
        self.reset()
        for name, metric in self._all().items():
            for key, value in state["metrics"][name].items():
                setattr(metric, key, value)
            set_update_count(metric, state["updates"][name])
        for loss, outputs, targets in state["steps"]:
            self.add(loss, outputs, targets)

    def _all(self) -> dict[str, Metric]:
        return {"loss": self.loss, **dict(self.metrics.items())}

    def _clear_steps(self) -> None:
        self._steps.clear()
        self._values = 0

    def _flush(self) -> None:
        if not self._steps:
            return
        losses, outputs, targets = zip(*self._steps, strict=True)
        self._clear_steps()
        device = losses[0].device
        self.loss.to(device)
        self.metrics.to(device)
        sizes = torch.tensor([len(batch) for batch in targets], device=device)
        self.loss.update(torch.stack(losses), weight=sizes)
        seen = torch.cat(outputs), torch.cat(targets)
        self.metrics.update(*(self.metric_inputs(*seen) if self.metric_inputs else seen))
