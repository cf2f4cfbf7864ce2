"""A callback that does to its process what must not harm a sweep."""

import os
import signal
from pathlib import Path
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


class Memory(pl.Callback):
    """Writes down how much memory its process holds when a run ends.

    Args:
        path: of the file, to which a line is added: process and bytes.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        with Path(self.path).open("a") as file:
            file.write(f"{os.getpid()} {pages * os.sysconf('SC_PAGE_SIZE')}\n")
