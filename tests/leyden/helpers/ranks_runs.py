"""Runs of two processes, on few digits."""

import time
from collections.abc import Callable

from tests.leyden.torture.doors import ROOT

SETTINGS = [
    "experiment=mnist_mlp",
    "trainer=ddp_cpu",
    "model.hidden_sizes=[16]",
    "model.dropout=0.3",
    "data.augment.crop_padding=2",
    "data.batch_size=16",
    "data.train_size=256",
    "data.val_size=65",
    "trainer.limit_test_batches=1",
    "trainer.max_epochs=6",
    "trainer.log_every_n_steps=4",
    "scheduler=onecycle",
    f"paths.data_dir={ROOT / 'data'}",
]


def await_true(happened: Callable[[], bool], seconds: float = 300.0) -> bool:
    """Wait until something has happened; false if it has not after so long."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
