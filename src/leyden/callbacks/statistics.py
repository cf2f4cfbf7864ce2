"""Statistics of a training beside its metrics: norm of the gradient, speed, time of an epoch, memory."""

import time
from typing import Any

import lightning as L
import torch
from lightning.pytorch.strategies import FSDPStrategy

from leyden.data.batches import items_in
from leyden.system.lightning_internals import gradient_scale, steps_logged
from leyden.system.memory import in_use, peak


class Statistics(L.Callback):
    """Logs `gradient/norm`, and after each epoch `time/epoch`, `time/items_per_second` and `memory/…`.

    The norm is that of all gradients of a step, before they are clipped, of every `trainer.log_every_n_steps`-th step;
    it is left out where a strategy divides the gradients among devices, and with manual optimisation. The time of an
    epoch (s) includes its validation; items per second are those of all processes, of the training alone.
    `memory/process_mb` is the memory of the first process, where the system reports it, and `memory/gpu_mb` the peak of
    its GPU; in 10⁶ bytes.
    """

    def __init__(self) -> None:
        self._epoch_started: float | None = None
        self._norm: tuple[int, Any] | None = None  # step and norm of its gradient
        self._training = 0.0  # seconds of training batches
        self._items: int | None = None  # None if the size of a batch is not known

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._epoch_started = self._batch_ended = time.monotonic()
        self._training, self._items = 0.0, 0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._norm is not None:
            step, norm = self._norm
            self._norm = None
            self._log(trainer, {"gradient/norm": norm}, step)
        if self._epoch_started is None:  # resumed within an epoch, whose statistics are not known
            return
        if self._items is not None:
            items = items_in(batch)
            self._items = None if items is None else self._items + items
        now = time.monotonic()
        self._training += now - self._batch_ended
        self._batch_ended = now

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._batch_ended = time.monotonic()

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any) -> None:
        every = max(1, trainer.log_every_n_steps)  # type: ignore[attr-defined]
        if (trainer.global_step + 1) % every or self._norm is not None:  # or evaluated again, as by LBFGS
            return
        if not pl_module.automatic_optimization or isinstance(trainer.strategy, FSDPStrategy):
            return
        gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
        if gradients and not any(gradient.is_sparse for gradient in gradients):
            norm = torch.nn.utils.get_total_norm(gradients) / gradient_scale(trainer, optimizer)
            self._norm = steps_logged(trainer), norm

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._epoch_started is None:
            return
        values: dict[str, Any] = {"time/epoch": time.monotonic() - self._epoch_started}
        if self._items is not None and self._training > 0:
            values["time/items_per_second"] = self._items * trainer.world_size / self._training
        if (process := in_use(torch.device("cpu"))) is not None:
            values["memory/process_mb"] = process / 1e6
        device = trainer.strategy.root_device
        if device.type == "cuda" and (most := peak(device)) is not None:
            values["memory/gpu_mb"] = most / 1e6
        self._log(trainer, values, steps_logged(trainer) - 1)  # as Lightning logs the metrics of an epoch
        self._epoch_started = None

    def _log(self, trainer: L.Trainer, values: dict[str, Any], step: int) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)
