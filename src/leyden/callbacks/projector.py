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
from leyden.plots.plot import errors_logged
from leyden.system.errors import UserError
from leyden.tasks.task import Task

log = logging.getLogger(__name__)

LARGEST_SPRITE = 8192  # pixels of a side, which browsers can show


class Projector(L.Callback):
    """Writes the inputs of a layer for the first test items, which the projector shows in two or three dimensions.

    Args:
        layer: name of the layer; by default the last linear one.
        items: most items.
    """

    NEEDS_LOGGER = "TensorBoardLogger"  # checked with the config

    def __init__(self, layer: str | None = None, items: int = 2000) -> None:
        if items < 3:
            raise UserError(f"callbacks.projector.items={items}: must be at least 3")
        self.layer, self.items = layer, items
        self._features: list[Tensor] = []
        self._images: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._handle: Any = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if isinstance(pl_module, Task):
            find_layer(pl_module.network, self.layer)  # before anything is trained

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._reset()
        if isinstance(pl_module, Task) and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            layer = find_layer(pl_module.network, self.layer)
            self._handle = layer.register_forward_pre_hook(lambda _, inputs: self._keep(inputs))

    def _keep(self, inputs: tuple[Any, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor) and sum(map(len, self._features)) < self.items:
            self._features.append(inputs[0].detach().flatten(1).float().cpu())

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._handle is None or sum(map(len, self._targets)) >= self.items or not isinstance(pl_module, Task):
            return
        with errors_logged():
            inputs, targets = pl_module.inputs(batch), pl_module.targets(batch)
            if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
                return
            missing = self.items - sum(map(len, self._targets))
            self._targets.append(targets[:missing].detach().cpu())
            if (small := thumbnails(inputs[:missing], pl_module, self.items)) is not None:
                self._images.append(small)

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._handle is not None and isinstance(pl_module, Task):
            with errors_logged():
                self._write(trainer, pl_module)
        self._reset()

    def _write(self, trainer: L.Trainer, task: Task) -> None:
        features, targets = (
            torch.cat(of)[: self.items] if of else torch.empty(0) for of in (self._features, self._targets)
        )
        if not len(features) or len(features) != len(targets):
            log.warning("callbacks.projector: %s inputs of the layer for %s items", len(features), len(targets))
            return
        images = torch.cat(self._images) if self._images else None
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_embedding(features, labels(targets, task), label_img=images, tag="test")

    def _reset(self) -> None:
        self._features, self._images, self._targets = [], [], []
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


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


def thumbnails(inputs: Tensor, task: Task, items: int) -> Tensor | None:
    """Small images (B, 3, side, side), of which so many fit into a sprite; None of inputs that are no images."""
    if not is_image(task.spec) or inputs.shape[1:] != task.spec.input_shape:
        return None
    images = torch.from_numpy(to_pixels(inputs, task.spec)).permute(0, 3, 1, 2)
    side = side_of_sprite(max(images.shape[2:]), items)
    return F.interpolate(images, (side, side), mode="area")


def side_of_sprite(side: int, images: int) -> int:
    """Side of each of so many images, in pixels: no larger than they are, and small enough to be shown together."""
    return min(side, LARGEST_SPRITE // math.ceil(math.sqrt(images)), 64)
