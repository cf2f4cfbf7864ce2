"""A callback that does to its process what must not harm a sweep."""

import os
import signal
from typing import Literal

import lightning.pytorch as pl
import torch


class Fault(pl.Callback):
    """Strikes at the first training step."""

    def __init__(self, kind: Literal["none", "raise", "kill", "exit", "memory"] = "none") -> None:
        self.kind = kind

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        match self.kind:
            case "raise":
                raise ValueError("this one raises")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(7)
            case "memory":
                torch.empty(2**55)
