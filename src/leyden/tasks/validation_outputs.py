"""Outputs and targets of a whole validation, of all processes."""

from typing import Any

import lightning as L
import torch
from torch import Tensor

from leyden.data.batches import is_joinable, join, map_tensors, moved
from leyden.system.user_code import UserCodeError


class ValidationOutputs:
    """Collects outputs and targets of each batch, on the device of the task."""

    def __init__(self) -> None:
        self._batches: list[tuple[Any, Any]] = []
        self._items: list[int] = []

    def add(self, outputs: Any, targets: Any, items: int) -> None:
        """Add the outputs and targets of a batch of so many items."""
        self._batches.append((outputs, targets))
        self._items.append(items)

    def pop(self, trainer: L.Trainer) -> tuple[Any, Any] | None:
        """All outputs (N, ...) and targets (N, ...), in each process those of all; None without any.

        Raises:
            UserError: batches differ in more than the number of items, so that they cannot be joined.
        """
        batches, items = self._batches, self._items
        if trainer.world_size > 1:
            others: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(others, (map_tensors(Tensor.cpu, batches), items))
            batches = [moved(batch, trainer.strategy.root_device) for part, _ in others for batch in part]
            items = [number for _, numbers in others for number in numbers]
        self._batches, self._items = [], []
        if not batches:
            return None
        if not is_joinable(batches, items):
            raise UserCodeError(
                "task: validated(outputs, targets) needs the same shape of all items, and batches differ in more than "
                "the number of items; pad them to one length"
            )
        outputs, targets = join(batches)
        return outputs, targets
