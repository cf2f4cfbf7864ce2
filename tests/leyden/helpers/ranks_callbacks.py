"""What goes wrong in one process of a run."""

import os
import signal
import time

import lightning.pytorch as pl
from torch import Tensor

from leyden.data.loader import Batch
from leyden.system.errors import UserError
from myproject.tasks.classification import Classification


class Fails(pl.Callback):
    """Before the third batch of an epoch a process ends, or fails; and the first one may be busy.

    Args:
        how: exits, is_killed, raises or is_refused (by a UserError).
        rank: of the process; null for each.
        busy: whether the first process talks to nobody for ten minutes.
    """

    def __init__(self, how: str, rank: int | None = 1, busy: bool = False) -> None:
        self.how, self.rank, self.busy = how, rank, busy

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, place: int
    ) -> None:
        if place == 2 and self.rank in (None, trainer.global_rank):
            getattr(self, self.how)()
        if place == 2 and self.busy:
            time.sleep(600)

    def exits(self) -> None:
        os._exit(7)

    def is_killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def raises(self) -> None:
        raise RuntimeError("the third batch is a bad one")

    def is_refused(self) -> None:
        raise UserError("data: the third batch is a bad one")


class LogsAlone(Classification):
    """The first process alone logs something over an epoch."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        if self.global_rank == 0:
            self.log("train/alone", loss, on_step=False, on_epoch=True, rank_zero_only=True)
        return loss
