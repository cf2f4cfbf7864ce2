"""The first training batch of a run as the network receives it, in plots/ and in TensorBoard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
from torch import Tensor

from leyden.callbacks.image_events import write_plots
from leyden.data.loader import Loader
from leyden.data.module import DataModule
from leyden.plots.images import class_captions, image_grid, is_image, to_pixels
from leyden.plots.plot import Plot, errors_logged
from leyden.tasks.task import Task


class TrainingBatch(L.Callback):
    """Keeps the first images of the first batch, augmented as they are, and draws them after the first epoch.

    Data that are no images are not drawn.

    Args:
        dirpath: folder of the figure.
        images: most images to draw.
    """

    def __init__(self, dirpath: str, images: int = 32) -> None:
        self.dirpath, self.images = Path(dirpath), images
        self._batch: tuple[Tensor, Tensor] | None = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step or batch_idx or not trainer.is_global_zero or not isinstance(pl_module, Task):
            return
        with errors_logged():
            self._keep(trainer, pl_module, pl_module.inputs(batch), pl_module.targets(batch))

    def _keep(self, trainer: L.Trainer, task: Task, inputs: Any, targets: Any) -> None:
        if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
            return
        inputs, targets = inputs[: self.images].detach().cpu().clone(), targets[: self.images].detach().cpu().clone()
        datamodule, loader = getattr(trainer, "datamodule", None), trainer.train_dataloader
        if inputs.shape[1:] == task.spec.input_shape:
            self._batch = inputs, targets
        elif isinstance(datamodule, DataModule) and isinstance(loader, Loader):  # features in place of inputs
            order = loader.order_of(trainer.current_epoch)[: len(inputs)]
            self._batch = datamodule.inputs_at("train", order).cpu(), targets

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._batch is not None and isinstance(pl_module, Task) and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            write_plots(trainer, self.dirpath, _plot(*self._batch, pl_module), step=0)
        self._batch = None


def _plot(inputs: Tensor, targets: Tensor, task: Task) -> Iterator[Plot]:
    spec = task.spec
    if not is_image(spec):
        return
    is_mixed = targets.shape[1:] == (spec.output_size,)
    is_class = spec.task == "classification" and (is_mixed or (targets.dim() == 1 and not targets.is_floating_point()))
    captions = class_captions(targets, spec) if is_class else [""] * len(inputs)
    title = "First training batch, as the network receives it"
    figure = image_grid(to_pixels(inputs, spec), captions, title, lines=2 if is_mixed else 1)
    shape = "×".join(map(str, spec.input_shape))
    caption = f"The first {len(inputs)} images of the first training batch, after augmentation, {shape}."
    yield Plot("training_batch", "First training batch", caption, figure, "train")
