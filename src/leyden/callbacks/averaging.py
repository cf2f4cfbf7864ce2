"""Averages of the weights over training, which are validated, saved as the best, tested and exported."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelPruning, StochasticWeightAveraging, WeightAveraging
from torch import Tensor, nn

from leyden.callbacks.best import best_checkpoint
from leyden.system.errors import UserError
from leyden.system.lightning_internals import lerp_all, prunes_permanently

log = logging.getLogger(__name__)


class Averaging(WeightAveraging):
    """Lightning's WeightAveraging, which may begin late.

    Until the first update the weights themselves are validated and saved; Lightning would take the initial ones.
    Each checkpoint has the average under `state_dict`, and the weights in training under `current_model_state`.
    A subclass may override `should_average` and `new_weight`.

    Buffers, such as the statistics of BatchNorm, are averaged like parameters; integers are copied.

    Args:
        device: of the average; null for that of the network.

    Attributes:
        averaged: number of updates so far.
    """

    def __init__(self, device: str | None = None) -> None:
        super().__init__(device, use_buffers=True)
        self.averaged = 0

    def should_average(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        """True if the weights after a step join the average.

        Args:
            step: counted from 0.
            epoch: counted from 0.
            last_of_epoch: true for the last step of an epoch; validation follows.
        """
        return True

    def new_weight(self) -> float:
        """Factor of new weights in the average, in which they join the `averaged` ones before."""
        return 1 / (self.averaged + 1)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        best = best_checkpoint(trainer)
        if best and str(best.monitor).startswith("train/"):
            log.warning("monitor=%s: is measured of the weights in training; their average is kept", best.monitor)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return False  # `should_average` decides, once a step

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step > self._latest_update_step and self.should_average(
            step - 1, trainer.current_epoch, trainer.is_last_batch
        ):
            self._update(pl_module)
            self._latest_update_step = step

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.averaged:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.averaged:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Copy what the task fitted on the validation, such as a threshold: it is of the average, and not averaged."""
        if self.averaged and self._average_model is not None:
            for average, now in zip(_own_buffers(self._average_model.module), _own_buffers(pl_module), strict=True):
                average.copy_(now)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.averaged:
            super().on_train_end(trainer, pl_module)
        else:
            log.warning("callbacks: %s did not begin; the weights are those of plain training", type(self).__name__)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self.averaged:
            super().on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if "averaging_state" in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "averaged": self.averaged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.averaged = state_dict["averaged"]

    @torch.no_grad()
    def _update(self, pl_module: L.LightningModule) -> None:
        """Move the average towards the weights; AveragedModel would wait for the device twice in each step."""
        average_model = self._average_model
        assert average_model is not None
        pairs = zip(_tensors_of(average_model.module), _tensors_of(pl_module), strict=True)
        moving: dict[tuple[torch.dtype, torch.device], tuple[list[Tensor], list[Tensor]]] = {}
        for average, now in pairs:
            if self.averaged and (average.is_floating_point() or average.is_complex()):
                averages, weights = moving.setdefault((average.dtype, average.device), ([], []))
                averages.append(average)
                weights.append(now.detach().to(average.device))
            else:
                average.copy_(now)
        for averages, weights in moving.values():
            lerp_all(averages, weights, self.new_weight())
        self.averaged += 1
        average_model.n_averaged.fill_(self.averaged)


def _tensors_of(module: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers; also buffers that are in no checkpoint."""
    yield from (parameter.detach() for parameter in module.parameters())
    yield from module.buffers()


def _own_buffers(task: nn.Module) -> Iterator[Tensor]:
    """Buffers of a task beside those of its network."""
    return (buffer for name, buffer in task.named_buffers() if not name.startswith("network."))


def check_averaging(callbacks: Sequence[L.Callback]) -> None:
    """Refuse, with a UserError, callbacks whose weights would be in no checkpoint, or replaced by those of another."""
    averages = [type(callback).__name__ for callback in callbacks if isinstance(callback, WeightAveraging)]
    if len(averages) > 1:
        raise UserError(f"callbacks: {' and '.join(averages)} both replace the weights; leave one out")
    for callback in callbacks:
        if isinstance(callback, StochasticWeightAveraging):
            raise UserError(
                f"callbacks: {type(callback).__name__} keeps its average in no checkpoint; extend "
                "leyden.callbacks.swa.SWA in place of StochasticWeightAveraging"
            )
        if isinstance(callback, ModelPruning) and not prunes_permanently(callback):
            raise UserError(
                "callbacks: ModelPruning would keep weights and masks apart, and no network takes them; leave out "
                "make_pruning_permanent=false"
            )
        if isinstance(callback, ModelPruning):
            log.warning("callbacks: ModelPruning keeps no masks; a run that is resumed may end with other weights")
