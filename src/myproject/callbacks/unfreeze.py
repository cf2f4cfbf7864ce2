"""Staged unfreezing: train the head first, then all layers."""

import logging
from typing import Protocol, cast

import lightning as L

from leyden import UserError

log = logging.getLogger(__name__)


class Freezable(Protocol):
    """Network with a part that can be frozen."""

    def freeze(self) -> None: ...

    def unfreeze(self) -> None: ...


class Unfreeze(L.Callback):
    """Unfreeze the layers that `model.freeze` names when an epoch begins.

    The optimizer holds all parameters from the start, so that its groups and the schedule never change; frozen
    parameters have no gradient, so that optimizers skip them, including weight decay. DDP expects a gradient of each
    parameter and needs trainer.strategy=ddp_find_unused_parameters_true.

    Args:
        epoch: first epoch in which all layers are trained, counted from 0.
    """

    unfreezes = True  # read where features of a frozen backbone would be cached

    def __init__(self, epoch: int) -> None:
        if epoch < 1:
            raise UserError(
                f"callbacks.unfreeze.epoch={epoch}: must be 1 or more; to freeze nothing, model.freeze=none"
            )
        self.epoch = epoch
        self._frozen = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        if 0 <= (trainer.max_epochs or -1) <= self.epoch:
            log.warning("callbacks.unfreeze.epoch=%d: never comes in %d epochs", self.epoch, trainer.max_epochs)
        network = _network(pl_module)
        network.freeze()
        if all(parameter.requires_grad for parameter in pl_module.parameters()):
            raise UserError(
                "callbacks.unfreeze: nothing is frozen; set model.freeze=backbone or model.freeze=until:<layer>"
            )
        network.unfreeze()  # the optimizer, created next, takes trainable parameters only

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._frozen = trainer.current_epoch < self.epoch
        self._apply(pl_module)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.on_fit_start(trainer, pl_module)  # in a resumed run the epoch is known only now

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        frozen = trainer.current_epoch < self.epoch
        if frozen == self._frozen:
            return
        self._frozen = frozen
        self._apply(pl_module)
        if not frozen:
            log.info("epoch %d: all layers are trained from now on", trainer.current_epoch + 1)

    def _apply(self, pl_module: L.LightningModule) -> None:
        network = _network(pl_module)
        if self._frozen:
            network.freeze()
        else:
            network.unfreeze()


def _network(pl_module: L.LightningModule) -> Freezable:
    network = pl_module.network
    if not callable(getattr(network, "freeze", None)) or not callable(getattr(network, "unfreeze", None)):
        raise UserError(f"callbacks.unfreeze: {type(network).__name__} has nothing to unfreeze; try model=resnet")
    return cast(Freezable, network)
