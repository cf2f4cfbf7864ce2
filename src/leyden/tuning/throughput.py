"""Throughput and memory of a training."""

import math
import time
from typing import Any

import lightning as L
import torch

from leyden.data.batches import items_in
from leyden.system.memory import in_use, peak, reset_peak


class ThroughputMeter(L.Callback):
    """Measures items per second for some seconds, and then stops the training.

    Attributes:
        idle: bytes in use before the first step; None if unknown, like `peak`.
        peak: maximum of bytes in use.
        largest: items of the largest batch.
        batches: of an epoch.
        items_per_second: without the first optimizer step, which allocates memory that the others reuse.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.idle: int | None = None
        self.peak: int | None = None
        self.largest = 0
        self.batches = 0.0
        self.items_per_second = math.nan
        self._started: float | None = None
        self._items = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.batches = trainer.num_training_batches
        reset_peak(pl_module.device)
        self.idle = in_use(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        items = items_in(batch) or 0
        self.largest = max(self.largest, items)
        if trainer.global_step == 0:  # gradients are still being accumulated
            return
        if self._started is None:
            _synchronize(pl_module.device)
            self._started = time.perf_counter()
            return
        self._items += items
        if time.perf_counter() - self._started >= self.seconds:
            _synchronize(pl_module.device)
            self.items_per_second = self._items / (time.perf_counter() - self._started)
            self.peak = peak(pl_module.device)
            trainer.should_stop = True


def _synchronize(device: torch.device) -> None:
    """Synchronize an accelerator."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
