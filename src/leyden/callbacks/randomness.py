"""Random numbers that depend on the seed, the epoch and the step only."""

import random
from typing import Any

import lightning as L
import numpy as np
import torch

from leyden.system.seeds import seed_for


class Randomness(L.Callback):
    """Seeds the generators of torch, NumPy and Python for each epoch and each training step.

    Dropout, and everything else that draws from them, is then a function of (seed, epoch, step, rank): a run that is
    resumed at a step draws the same numbers.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._seed(trainer, "epoch", trainer.current_epoch)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._seed(trainer, "step", trainer.current_epoch, batch_idx)

    def _seed(self, trainer: L.Trainer, *purpose: int | str) -> None:
        seed = seed_for(self.seed, *purpose, trainer.global_rank)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        # torch.manual_seed would take a tenth of a millisecond, and remember each call for devices that are not there.
        torch.default_generator.manual_seed(seed)
        device = trainer.strategy.root_device.type
        if device == "cuda":
            torch.cuda.manual_seed(seed)
        elif device == "mps":
            torch.mps.manual_seed(seed)
