"""Loss and metrics of an epoch, at almost no cost in each step."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric, Metric, MetricCollection

from leyden.data.batches import is_joinable, items_in, join, map_tensors, tensors
from leyden.system.lightning_internals import set_update_count
from leyden.tasks.named_metrics import NamedMetrics

MetricInputs = Callable[[Any, Any], tuple[Any, ...]]
_MOST_VALUES = 4_000_000  # 16 MB of outputs, such as images, are measured at once


class EpochMetrics:
    """Collects losses, outputs and targets, and updates the metrics with a block of steps at a time.

    An update of a metric costs about as much as a step of a small network; updating with fifty batches at once costs
    little more than with one, and counts the same items. Batches whose tensors differ in more than the number of items,
    such as sequences of varying length, are measured one by one. It is no nn.Module, as it has nothing to learn.

    Args:
        metrics: of (B, ...) outputs and (B, ...) targets, of any structure.
        block: most steps in a block, fewer if outputs are large; None for all steps of an epoch.
        metric_inputs: transforms outputs and targets of the loss into inputs of the metrics.
        named: metrics that were chosen by name, in addition; they have inputs of their own.
    """

    def __init__(
        self,
        metrics: MetricCollection,
        block: int | None = 50,
        metric_inputs: MetricInputs | None = None,
        named: NamedMetrics | None = None,
    ) -> None:
        self.metrics, self.loss = metrics, MeanMetric(nan_strategy=math.nan)
        self.block, self.metric_inputs, self.named = block, metric_inputs, named or NamedMetrics()
        if self.named.metrics:
            self.metrics.add_metrics(dict(self.named.metrics))
        self._steps: list[tuple[Tensor, Any, Any, int]] = []
        self._values = 0
        self.is_empty = True

    def add(self, loss: Tensor, outputs: Any, targets: Any, items: int | None = None) -> None:
        """Add a step: the mean loss of a batch, its outputs and targets, and the number of items in it."""
        self.is_empty = False
        if isinstance(outputs, Tensor):
            outputs = outputs.detach()
            self._values += outputs.numel()
        else:
            outputs = map_tensors(Tensor.detach, outputs)
            self._values += sum(tensor.numel() for tensor in tensors(outputs))
        if items is None:
            items = items_in(targets) or items_in(outputs) or 1
        if not isinstance(targets, Tensor):
            targets = map_tensors(Tensor.detach, targets)
        elif targets.requires_grad:
            targets = targets.detach()
        loss = loss.detach()
        self._steps.append((loss.reshape(()) if loss.dim() else loss, outputs, targets, items))
        if self.block and (len(self._steps) == self.block or self._values > _MOST_VALUES):
            self.update()

    def compute(self) -> dict[str, Tensor]:
        """Mean loss of an item, and the metrics, over all steps and processes."""
        self.update()
        return {"loss": self.loss.compute(), **self.named.by_name(self.metrics.compute())}

    @property
    def names(self) -> list[str]:
        """Names of the metrics, those of metrics by name also with each class or target."""
        return [*(name for name in map(str, self.metrics) if name not in self.named.metrics), *self.named.names()]

    def reset(self) -> None:
        """Remove all steps."""
        self._clear_steps()
        self.is_empty = True
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
            self.is_empty &= not state["updates"][name]
        for step in state["steps"]:
            self.add(*step)

    def _all(self) -> dict[str, Metric]:
        return {"loss": self.loss, **dict(self.metrics.items())}

    def _clear_steps(self) -> None:
        self._steps.clear()
        self._values = 0

    def update(self) -> None:
        """Update the metrics with all steps so far."""
        if not self._steps:
            return
        losses, outputs, targets, items = zip(*self._steps, strict=True)
        self._clear_steps()
        device = losses[0].device
        self.loss.to(device)
        self.metrics.to(device)
        self.loss.update(torch.stack(losses), weight=torch.tensor(items, device=device))
        if not len(self.metrics):
            return
        if is_joinable(outputs, items) and is_joinable(targets, items):
            self._update(join(outputs), join(targets))
        else:
            for batch in zip(outputs, targets, strict=True):
                self._update(*batch)

    def _update(self, outputs: Any, targets: Any) -> None:
        inputs = self.metric_inputs(outputs, targets) if self.metric_inputs else (outputs, targets)
        if not self.named.metrics:
            self.metrics.update(*inputs)
            return
        own = self.named.inputs(outputs, targets)
        for name, metric in self.metrics.items(copy_state=False):
            metric.update(*own.get(name, inputs))
