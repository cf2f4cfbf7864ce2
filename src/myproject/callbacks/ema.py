"""Exponential moving average of the weights."""

import lightning as L

from leyden import Averaging, UserError


class EMA(Averaging):
    """Exponential moving average of the weights, updated after optimizer steps.

    The decay rises from 0.1 as (1 + n) / (10 + n) with the number n of updates up to its value; otherwise the average
    of a short run would contain weights from its very beginning. As in Polyak, Juditsky (1992) and
    TensorFlow's ExponentialMovingAverage with `num_updates`.

    Args:
        decay: share of the old average in the new one.
        every_n_steps: optimizer steps between updates.
        start_epoch: first epoch whose steps are averaged, counted from 0.
        device: where the average is stored; null for the device of the network.

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

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        epochs = trainer.max_epochs
        if stage == "fit" and epochs is not None and 0 <= epochs <= self.start_epoch:
            raise UserError(
                f"callbacks.ema.start_epoch={self.start_epoch}: never comes in trainer.max_epochs={epochs}; give "
                "callbacks.ema.start_epoch=0"
            )

    def should_average(self, step: int, epoch: int, last_of_epoch: bool) -> bool:
        return epoch >= self.start_epoch and (step + 1) % self.every_n_steps == 0

    def new_weight(self) -> float:
        return 1 - min(self.decay, (1 + self.averaged) / (10 + self.averaged))
