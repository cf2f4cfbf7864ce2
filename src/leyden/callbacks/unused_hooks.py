"""Hooks of batches that a callback does not have, left out of each batch."""

from collections.abc import Iterable
from typing import Any

import lightning as L

OF_BATCHES = (
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_test_batch_start",
    "on_test_batch_end",
)


def skip_unused_hooks(callbacks: Iterable[L.Callback]) -> None:
    """Set the hooks of batches that callbacks inherit from Lightning's base class, and that do nothing, to None.

    For each hook of each callback Lightning makes the key of its state and enters the profiler, in each batch; what is
    not callable it passes over.
    """
    for callback in callbacks:
        for name in OF_BATCHES:
            own: Any = getattr(type(callback), name, None)
            if own is getattr(L.Callback, name) and name not in vars(callback):
                setattr(callback, name, None)
