"""Weights of a checkpoint, restored if a callback changes them before a test."""

import logging
from collections.abc import Mapping

import lightning as L
from torch import Tensor

log = logging.getLogger(__name__)


class TestedWeights(L.Callback):
    """Restores the weights of a checkpoint if another callback has changed them before a test begins.

    A callback that averages weights may swap them for a test, as it does for a validation; but eval.py, predict.py and
    exports, which have no such callback, use the weights that are in the checkpoint.

    Args:
        weights: state_dict of the task.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.weights = weights

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        now = pl_module.state_dict()
        if now.keys() != self.weights.keys() or any(now[name].shape != of.shape for name, of in self.weights.items()):
            return  # a strategy has divided them among devices
        if not all(_is_same(now[name], of.to(now[name])) for name, of in self.weights.items()):
            log.warning("a callback changed the weights for the test; the checkpoint's own are tested")
            pl_module.load_state_dict(dict(self.weights))


def _is_same(now: Tensor, then: Tensor) -> bool:
    """True if two tensors are equal, NaN counted as equal: weights of a run that diverged are NaN."""
    return bool(((now == then) | (now.isnan() & then.isnan())).all())
