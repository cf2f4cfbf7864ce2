"""Averages of the weights over training: what is validated, kept as the best, tested and served."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelPruning, StochasticWeightAveraging, WeightAveraging
from torch import Tensor, nn

from leyden.callbacks.best import best_checkpoint
from leyden.errors import UserError

log = logging.getLogger(__name__)

_LIGHTNING_SWA = {
    f"{package}.{name}StochasticWeightAveraging"
    for package in ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")
    for name in ("", "stochastic_weight_avg.")
}


class Averaging(WeightAveraging):
    """Lightning's WeightAveraging, which may begin late.

    Until the first update the weights themselves are validated and saved; Lightning would take the initial ones.
    Each checkpoint has the average under `state_dict`, and the weights that are trained under `current_model_state`.
    A subclass may override `takes` and `share`.

    Buffers, such as the statistics of BatchNorm, are averaged like parameters; integers are copied.

    Args:
        device: of the average; null for that of the network.

    Attributes:
        averaged: number of updates so far.
    """

    def __init__(self, device: str | None = None) -> None:
        super().__init__(device, use_buffers=True)
        self.averaged = 0

    def takes(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        """Whether the weights after a step belong to the average.

        Args:
            step: counted from 0.
            epoch: likewise.
            last_of_epoch: whether the step is the last of its epoch; validation follows.
        """
        return True

    def share(self) -> float:
        """Part that new weights have in the average when they join the `averaged` ones before."""
        return 1 / (self.averaged + 1)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        best = best_checkpoint(trainer)
        if best and str(best.monitor).startswith("train/"):
            log.warning("monitor=%s: is measured of the weights that are trained; their average is kept", best.monitor)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return False  # it is `takes` that is asked, once a step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step > self._latest_update_step and self.takes(step - 1, trainer.current_epoch, trainer.is_last_batch):
            self._update(pl_module)
            self._latest_update_step = step

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.averaged:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.averaged:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.averaged:
            super().on_train_end(trainer, pl_module)
        else:
            log.warning("callbacks: %s did not begin; the weights are those of plain training", type(self).__name__)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.averaged:
            super().on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if "averaging_state" in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "averaged": self.averaged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.averaged = state_dict["averaged"]

    @torch.no_grad()
    def _update(self, pl_module: pl.LightningModule) -> None:
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
            torch._foreach_lerp_(averages, weights, self.share())
        self.averaged += 1
        average_model.n_averaged.fill_(self.averaged)


class EMA(Averaging):
    """Exponential moving average of the weights, updated after each optimizer step.

    The decay rises from 0.1 as (1 + n) / (10 + n) with the number n of updates until it has its value: a short run
    would otherwise be averaged with weights that had hardly been trained. As in Polyak, Juditsky (1992) and
    TensorFlow's ExponentialMovingAverage with `num_updates`.

    Args:
        decay: part of the average that an update leaves.
        every_n_steps: optimizer steps between updates.
        start_epoch: first epoch whose steps are averaged, counted from 0.
        device: of the average; null for that of the network.

    Raises:
        UserError: a value is out of its range.
    """

    def __init__(
        self, decay: float = 0.999, every_n_steps: int = 1, start_epoch: int = 0, device: str | None = None
    ) -> None:
        super().__init__(device)
        if not 0 <= decay < 1:
            raise UserError(f"callbacks.ema.decay={decay}: must be at least 0 and less than 1")
        if every_n_steps < 1:
            raise UserError(f"callbacks.ema.every_n_steps={every_n_steps}: must be at least 1")
        if start_epoch < 0:
            raise UserError(f"callbacks.ema.start_epoch={start_epoch}: must be 0 or more")
        self.decay, self.every_n_steps, self.start_epoch = decay, every_n_steps, start_epoch

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        epochs = trainer.max_epochs
        if stage == "fit" and epochs is not None and 0 <= epochs <= self.start_epoch:
            raise UserError(
                f"callbacks.ema.start_epoch={self.start_epoch}: never comes in trainer.max_epochs={epochs}; give "
                "callbacks.ema.start_epoch=0"
            )

    def takes(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        return epoch >= self.start_epoch and (step + 1) % self.every_n_steps == 0

    def share(self) -> float:
        return 1 - min(self.decay, (1 + self.averaged) / (10 + self.averaged))


class SWA(Averaging):
    """Stochastic weight averaging: the mean of the weights after each of the last epochs. Izmailov et al. (2018).

    It takes the arguments of Lightning's StochasticWeightAveraging, whose average is in no checkpoint. The weights are
    averaged at the end of an epoch, before it is validated. The statistics of BatchNorm are averaged too, so that
    no pass over the training data is needed.

    Args:
        swa_lrs: learning rate from then on, or one for each parameter group; null to continue the schedule.
        swa_epoch_start: first epoch that is averaged, counted from 1; or a fraction of the run.
        annealing_epochs: epochs in which the learning rate moves to `swa_lrs`.
        annealing_strategy: how it moves: along half a cosine, or a straight line.
        device: of the average; null for that of the network.

    Raises:
        UserError: a value is out of its range, or a fraction of a run without an end is asked for.
    """

    def __init__(
        self,
        swa_lrs: float | list[float] | None = None,
        swa_epoch_start: int | float = 0.8,
        annealing_epochs: int = 10,
        annealing_strategy: Literal["cos", "linear"] = "cos",
        device: str | None = None,
    ) -> None:
        super().__init__(device)
        if (isinstance(swa_epoch_start, int) and swa_epoch_start < 1) or not swa_epoch_start >= 0:
            raise UserError(f"callbacks.swa.swa_epoch_start={swa_epoch_start}: must be 1 or more, or a fraction")
        if isinstance(swa_epoch_start, float) and swa_epoch_start > 1:
            raise UserError(f"callbacks.swa.swa_epoch_start={swa_epoch_start}: must be at most 1.0, or a whole number")
        if any(rate <= 0 for rate in _listed(swa_lrs)):
            raise UserError(f"callbacks.swa.swa_lrs={swa_lrs}: must be greater than 0")
        if annealing_epochs < 0:
            raise UserError(f"callbacks.swa.annealing_epochs={annealing_epochs}: must be 0 or more")
        if annealing_strategy not in ("cos", "linear"):
            raise UserError(f"callbacks.swa.annealing_strategy={annealing_strategy}: must be cos or linear")
        self.swa_lrs, self.swa_epoch_start = swa_lrs, swa_epoch_start
        self.annealing_epochs, self.annealing_strategy = annealing_epochs, annealing_strategy
        self.start = 0
        self.began: int | None = None  # the epoch; a run that is resumed for longer does not begin anew
        self.rates_before: list[float] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        epochs = trainer.max_epochs
        if stage != "fit":
            return
        if isinstance(self.swa_epoch_start, int):
            self.start = self.swa_epoch_start - 1
        elif epochs is None or epochs < 0:
            raise UserError(
                f"callbacks.swa.swa_epoch_start={self.swa_epoch_start}: is a fraction of a run without an end; give "
                "an epoch, as in callbacks.swa.swa_epoch_start=5, or trainer.max_epochs"
            )
        else:
            self.start = max(0, int(epochs * self.swa_epoch_start) - 1)
        if epochs is not None and 0 <= epochs <= self.start:
            raise UserError(
                f"callbacks.swa.swa_epoch_start={self.swa_epoch_start}: never comes in trainer.max_epochs={epochs}; "
                "give callbacks.swa.swa_epoch_start=0.8"
            )

    def takes(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        return last_of_epoch and self._has_come(epoch)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if self.swa_lrs is not None and len(trainer.optimizers) != 1:
            raise UserError(f"callbacks.swa.swa_lrs={self.swa_lrs}: is for a task with one optimizer; leave it out")
        if self.swa_lrs is None:
            return
        count = len(trainer.optimizers[0].param_groups)
        if isinstance(self.swa_lrs, list) and len(self.swa_lrs) != count:
            raise UserError(f"callbacks.swa.swa_lrs={self.swa_lrs}: give one for each of the {count} parameter groups")
        if self.began is not None and self.swa_lrs is not None:  # in a run that is resumed
            trainer.strategy.lr_scheduler_configs.clear()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._has_come(trainer.current_epoch):
            return
        groups = trainer.optimizers[0].param_groups if trainer.optimizers else []
        if self.began is None:
            self.began, self.rates_before = trainer.current_epoch, [group["lr"] for group in groups]
            log.info("epoch %d: weights are averaged at the end of this and every further epoch", self.began + 1)
        if self.swa_lrs is None:
            return
        trainer.strategy.lr_scheduler_configs.clear()  # the learning rate is this callback's from now on
        rates = _listed(self.swa_lrs) * (len(groups) if isinstance(self.swa_lrs, float | int) else 1)
        left = self._left(trainer.current_epoch - self.began)
        for group, rate, before in zip(groups, rates, self.rates_before, strict=True):
            group["lr"] = rate + (before - rate) * left

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "began": self.began, "rates_before": self.rates_before}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.began, self.rates_before = state_dict["began"], state_dict["rates_before"]

    def _has_come(self, epoch: int) -> bool:
        return epoch >= (self.start if self.began is None else self.began)

    def _left(self, epochs: int) -> float:
        """Part of the way from the learning rate before to `swa_lrs` that is left after some epochs."""
        done = min(1.0, epochs / self.annealing_epochs) if self.annealing_epochs else 1.0
        return (1 + math.cos(math.pi * done)) / 2 if self.annealing_strategy == "cos" else 1 - done


def _tensors_of(module: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers; also buffers that are in no checkpoint."""
    yield from (parameter.detach() for parameter in module.parameters())
    yield from module.buffers()


def _listed(rates: float | list[float] | None) -> list[float]:
    return [] if rates is None else rates if isinstance(rates, list) else [rates]


def with_swa(nodes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of callbacks with SWA in place of Lightning's StochasticWeightAveraging, whose arguments it takes.

    Raises:
        UserError: there is an argument that SWA does not take.
    """
    result = dict(nodes)
    for name, node in nodes.items():
        if not node or node.get("_target_") not in _LIGHTNING_SWA:
            continue
        if "avg_fn" in node:
            raise UserError(f"callbacks.{name}.avg_fn: is not taken; leave it out, or use callbacks=ema")
        log.info("callbacks.%s: leyden.callbacks.averaging.SWA in place of StochasticWeightAveraging", name)
        result[name] = {**node, "_target_": f"{SWA.__module__}.SWA"}
    return result


def check_averaging(callbacks: Sequence[pl.Callback]) -> None:
    """Refuse, with a UserError, callbacks whose weights would be in no checkpoint, or in that of another."""
    averages = [type(callback).__name__ for callback in callbacks if isinstance(callback, WeightAveraging)]
    if len(averages) > 1:
        raise UserError(f"callbacks: {' and '.join(averages)} both replace the weights; leave one out")
    for callback in callbacks:
        if isinstance(callback, StochasticWeightAveraging):
            raise UserError(
                f"callbacks: {type(callback).__name__} keeps its average in no checkpoint; extend "
                "leyden.callbacks.averaging.SWA in place of StochasticWeightAveraging"
            )
        if isinstance(callback, ModelPruning) and not callback._make_pruning_permanent:
            raise UserError(
                "callbacks: ModelPruning would keep weights and masks apart, and no network takes them; leave out "
                "make_pruning_permanent=false"
            )
        if isinstance(callback, ModelPruning):
            log.warning("callbacks: ModelPruning keeps no masks; a run that is resumed may end with other weights")
