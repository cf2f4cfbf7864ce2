"""Representations of test items in TensorBoard's projector: what a layer puts in, with labels and small images."""

import logging
import math
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional as F

from leyden.plots.images import is_image, to_pixels
from leyden.system.errors import UserError
from leyden.tasks.task import Task

log = logging.getLogger(__name__)

LARGEST_SPRITE = 8192  # pixels of a side, which browsers can show


class Projector(L.Callback):
    """Writes the inputs of a layer for the first test items, which the projector shows in two or three dimensions.

    Args:
        layer: name of the layer; by default the last linear one, whose inputs are what the network has learned to see.
        items: most items.
    """

    NEEDS_LOGGER = "TensorBoardLogger"  # checked with the config

    def __init__(self, layer: str | None = None, items: int = 2000) -> None:
        if items < 3:
            raise UserError(f"callbacks.projector.items={items}: must be at least 3")
        self.layer, self.items = layer, items
        self._features: list[Tensor] = []
        self._inputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._handle: Any = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if isinstance(pl_module, Task):
            find_layer(pl_module.network, self.layer)  # before anything is trained

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._features, self._inputs, self._targets = [], [], []
        if isinstance(pl_module, Task) and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            layer = find_layer(pl_module.network, self.layer)
            self._handle = layer.register_forward_pre_hook(lambda _, inputs: self._keep(inputs[0]))

    def _keep(self, features: Tensor) -> None:
        if sum(map(len, self._features)) < self.items:
            self._features.append(features.detach().flatten(1).float().cpu())

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if sum(map(len, self._targets)) < self.items and isinstance(batch, list | tuple):
            self._inputs.append(batch[0].detach().cpu())
            self._targets.append(batch[1].detach().cpu())

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._handle is None:
            return
        self._handle.remove()
        self._handle = None
        if not self._features or not isinstance(pl_module, Task):
            log.warning("callbacks.projector: the layer has not run, so there is nothing to show")
            return
        features, inputs, targets = (
            torch.cat(parts)[: self.items] for parts in (self._features, self._inputs, self._targets)
        )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_embedding(
                    features, labels(targets, pl_module), label_img=sprites(inputs, pl_module), tag="test"
                )


def find_layer(network: nn.Module, name: str | None) -> nn.Module:
    """Layer of a network by its name; by default the last linear one.

    Raises:
        UserError: there is none.
    """
    layers: dict[str, nn.Module] = dict(network.named_modules())
    linear = [key for key, layer in layers.items() if isinstance(layer, nn.Linear)]
    if name is None and not linear:
        raise UserError(f"callbacks.projector.layer: the network has no linear layer; give one of {', '.join(layers)}")
    key = linear[-1] if name is None else name
    if key not in layers:
        raise UserError(f"callbacks.projector.layer={name}: there is no such layer; there are {', '.join(linear[:8])}")
    return layers[key]


def labels(targets: Tensor, task: Task) -> list[str]:
    """Text of each target in one line: the name of its class, or its numbers."""
    names = task.spec.class_names
    if task.spec.task == "classification" and targets.dim() == 1 and not targets.is_floating_point():
        return [" ".join(names[label].split()) if names else str(label) for label in targets.tolist()]
    return [", ".join(f"{value:.4g}" for value in row) for row in targets.flatten(1).tolist()]


def sprites(inputs: Tensor, task: Task) -> Tensor | None:
    """Small images (N, 3, side, side) that together fit into a sprite; None of inputs that are no images."""
    if not is_image(task.spec):
        return None
    images = torch.from_numpy(to_pixels(inputs, task.spec)).permute(0, 3, 1, 2)
    side = side_of_sprite(max(images.shape[2:]), len(images))
    return F.interpolate(images, (side, side), mode="area")


def side_of_sprite(side: int, images: int) -> int:
    """Side of each of so many images, in pixels: no larger than they are, and small enough to be shown together."""
    return min(side, LARGEST_SPRITE // math.ceil(math.sqrt(images)), 64)
