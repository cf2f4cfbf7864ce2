"""Stochastic weight averaging."""

import logging
import math
from collections.abc import Mapping
from typing import Any, Literal

import lightning as L

from leyden.callbacks.averaging import Averaging
from leyden.system.errors import UserError

log = logging.getLogger(__name__)

_LIGHTNING_SWA = {
    f"{package}.{name}StochasticWeightAveraging"
    for package in ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")
    for name in ("", "stochastic_weight_avg.")
}


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
        UserError: a value is out of its range, or the start is a fraction of a run without an end.
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
        self.began: int | None = None  # the epoch, which stays if a run is resumed with more epochs
        self.rates_before: list[float] = []

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
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

    def should_average(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        return last_of_epoch and self._has_come(epoch)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
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

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
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
        log.info("callbacks.%s: leyden.callbacks.swa.SWA in place of StochasticWeightAveraging", name)
        result[name] = {**node, "_target_": f"{SWA.__module__}.SWA"}
    return result


def _listed(rates: float | list[float] | None) -> list[float]:
    return [] if rates is None else rates if isinstance(rates, list) else [rates]
