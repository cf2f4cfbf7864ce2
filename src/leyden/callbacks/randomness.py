"""Random numbers of a step that do not depend on how the run came there."""

import random
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch

from leyden.seeds import seed_for


class Randomness(pl.Callback):
    """Seeds the generators of torch, NumPy and Python for each epoch and each training step.

    Dropout, and whatever else draws from them, is then a function of (seed, epoch, step, process): a run that goes on
    from this step, in another process, draws the same.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._seed("epoch", trainer.current_epoch, trainer.global_rank)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._seed("step", trainer.current_epoch, batch_idx, trainer.global_rank)

    def _seed(self, *purpose: int | str) -> None:
        seed = seed_for(self.seed, *purpose)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)  # of all devices
