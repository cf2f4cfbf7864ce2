"""Gradient accumulation: the gradient of a step is the mean over the items of its batches, in all processes."""

import logging
from collections.abc import Iterable
from typing import Any

import lightning as L
import torch
from torch import Tensor

from leyden.data.batches import items_in
from leyden.system.errors import UserError

log = logging.getLogger(__name__)


class GradientWeights:
    """Weights of the losses of batches, with which the sum of their gradients is a mean over items.

    Lightning divides the loss of each batch by `accumulate_grad_batches`. That is a mean over items only where a step
    has as many batches as that, all of one size; the last step of an epoch often has fewer, and a smaller last batch.
    Here the loss of a batch is weighted by its items relative to those of the first batch of the step, and the sum of
    gradients is corrected once, after the last backward pass of the step. Both factors are 1, and nothing is computed,
    if the batches are equal and complete. Processes, whose gradients are averaged, are weighted in the same way.

    Attributes:
        last: epoch and batch of the newest backward pass. Some optimizers, such as LBFGS, evaluate the loss of a batch
            several times in a step.
    """

    def __init__(self) -> None:
        self.last = (-1, -1)
        self._step = (-1, -1)  # epoch, and number of the step in it
        self._batches = 0
        self._items = self._first = 0.0  # of a process, on average
        self._correction = 1.0

    def weight(self, epoch: int, batch: int, items: int, every: int, average: float | None = None) -> float:
        """Factor on the loss of a batch.

        Args:
            epoch: number of the epoch.
            batch: number of the batch in the epoch.
            items: of the batch.
            every: batches in a complete step.
            average: mean over processes of the items of this batch; by default `items`.

        Raises:
            UserError: a batch is evaluated again when gradients of others have been added to its own.
        """
        again, self.last = self.last == (epoch, batch), (epoch, batch)
        step = epoch, batch // every
        if again and self._batches > 1:
            raise UserError(
                f"trainer.accumulate_grad_batches={every}: the optimizer evaluates the loss several times in a step, "
                "for which gradients cannot be accumulated; set trainer.accumulate_grad_batches=1"
            )
        average = items if average is None else average
        if again or step != self._step:
            self._step, self._batches, self._items, self._first = step, 0, 0, max(1.0, average)
        self._batches += 1
        self._items += average
        self._correction = every * self._first / max(1.0, self._items)
        return items / self._first

    def correct(self, gradients: Iterable[Tensor | None]) -> None:
        """Turn the sum of the gradients of a step into their mean, in place; further calls have no effect."""
        correction, self._correction = self._correction, 1.0
        if correction != 1.0:
            for gradient in gradients:
                if gradient is not None:
                    gradient.mul_(correction)


class StepLoss:
    """Loss of a step that accumulates the gradients of several batches: the mean over their items."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, int]] = []

    def add(self, loss: Tensor, items: int) -> None:
        """Add the mean loss of a batch."""
        self._batches.append((loss.detach(), items))

    def pop(self) -> Tensor:
        """The mean over all items since the last call."""
        losses, sizes = zip(*self._batches, strict=True)
        self._batches.clear()
        mean: Tensor = (torch.stack(losses) * torch.tensor(sizes, device=losses[0].device)).sum() / sum(sizes)
        return mean


class BatchSizes:
    """Items in a batch of any structure: the first dimension of its first tensor."""

    def __init__(self) -> None:
        self._warned = False

    def __call__(self, batch: Any) -> int:
        """Items in a batch; 1 of a batch without a tensor, with one warning in a run."""
        items = items_in(batch)
        if items is None and not self._warned:
            self._warned = True
            log.warning(
                "the number of items in a batch is not known, so each batch counts the same; override "
                "items_in(batch) of the task"
            )
        return 1 if items is None else items


def mean_over_processes(trainer: L.Trainer, value: float) -> float:
    """Mean of a value over all processes, each of which has to call this."""
    mean: Tensor = trainer.strategy.reduce(
        torch.tensor(float(value), device=trainer.strategy.root_device), reduce_op="mean"
    )
    return float(mean)
