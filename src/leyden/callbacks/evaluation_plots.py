"""Figures of the test: what the network gets right and wrong, in plots/ and in TensorBoard."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from leyden.callbacks.image_events import write_plots
from leyden.data.module import DataModule
from leyden.plots.evaluated import Collector, Evaluated, Items
from leyden.system.errors import UserError
from leyden.system.lightning_internals import steps_logged
from leyden.tasks.task import Task

log = logging.getLogger(__name__)

_MOST_NAMED = 200_000  # items: for their names a table is read again


class EvaluationPlots(L.Callback):
    """Draws the figures of `Task.plots` for the split that is tested, when the test has ended.

    Args:
        dirpath: folder of the figures.
        shown: number of the worst predictions, and of examples.

    Attributes:
        split: name of the split that a test measures.
        datamodule: of the split, for the names of its items; by default that of the Trainer.
    """

    def __init__(self, dirpath: str, shown: int = 20) -> None:
        self.dirpath, self.shown = Path(dirpath), shown
        self.split = "test"
        self.datamodule: DataModule | None = None
        self._collector: Collector | None = None
        self._seen = 0  # items of this process

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._collector, self._seen = None, 0

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if isinstance(outputs, dict) and {"outputs", "targets"} <= outputs.keys() and isinstance(pl_module, Task):
            self._add(trainer, pl_module, outputs["outputs"], outputs["targets"], batch)

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        collector, self._collector = self._collector, None
        others: list[Any] = []
        if trainer.world_size > 1:
            others = [None] * trainer.world_size
            torch.distributed.all_gather_object(others, collector.parts() if collector else None)
            others = [part for rank, part in enumerate(others) if part and rank != trainer.global_rank]
        self._draw(trainer, pl_module, collector, others)

    def draw(self, trainer: L.Trainer, task: Task, batches: Iterable[Any], split: str) -> None:
        """Draw the figures of a split that no test measures: its batches are evaluated here, in one process."""
        self.split, self._collector, self._seen = split, None, 0
        task.to(trainer.strategy.root_device).eval()
        precision = trainer.precision_plugin
        for batch in batches:
            with torch.inference_mode(), precision.forward_context():
                outputs, targets = task.outputs_and_targets(precision.convert_input(batch))
            self._add(trainer, task, outputs, targets, batch)
        collector, self._collector = self._collector, None
        self._draw(trainer, task, collector, [])

    def _add(self, trainer: L.Trainer, task: Task, outputs: Any, targets: Any, batch: Any) -> None:
        if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor) or not len(outputs):
            return
        if self._collector is None:
            batches = sum(trainer.num_test_batches) if self.split == "test" else 1
            total = min(batches, 1e9) * len(outputs) * trainer.world_size
            self._collector = Collector(int(total), self.shown)
        end = self._seen + len(outputs)
        rank, world_size = trainer.global_rank, trainer.world_size  # items are dealt out in turn: see `Loader`
        index = torch.arange(self._seen, end, device=outputs.device) * world_size + rank
        self._seen = end
        inputs = batch[0] if isinstance(batch, list | tuple) and len(batch) else None
        inputs = inputs if isinstance(inputs, Tensor) and len(inputs) == len(outputs) else None
        with torch.inference_mode():
            self._collector.add(inputs, outputs, targets, task.item_errors(outputs, targets), index)

    def _draw(
        self, trainer: L.Trainer, pl_module: L.LightningModule, collector: Collector | None, others: list[Any]
    ) -> None:
        if not trainer.is_global_zero or trainer.fast_dev_run or not isinstance(pl_module, Task):  # type: ignore[attr-defined]
            return
        evaluated = (collector or Collector(0)).result(self.split, others)
        datamodule = self.datamodule or getattr(trainer, "datamodule", None)
        if evaluated is not None and isinstance(datamodule, DataModule):
            names = _names(datamodule, self.split) if evaluated.total <= _MOST_NAMED else ()
            evaluated = replace(evaluated, item_names=names, item_kind=datamodule.item_kind)
            evaluated = _with_inputs(evaluated, datamodule)
        if evaluated is not None:
            write_plots(trainer, self.dirpath, pl_module.plots(evaluated.to(pl_module.device)), steps_logged(trainer))


def _names(datamodule: DataModule, split: str) -> Sequence[object]:
    try:
        return datamodule.item_names(split) or ()
    except (AssertionError, LookupError, OSError, UserError) as error:  # files that were changed during the run
        log.warning("figures: items are numbered and not named (%s)", " ".join(str(error).split()) or "changed data")
        return ()


def _with_inputs(evaluated: Evaluated, datamodule: DataModule) -> Evaluated:
    """The items with their inputs, where the network received features of these."""

    def found(items: Items | None) -> Items | None:
        if items is None or items.inputs.shape[1:] == datamodule.spec.input_shape:
            return items
        return replace(items, inputs=datamodule.inputs_at(evaluated.split, items.index).cpu())

    return replace(evaluated, examples=found(evaluated.examples), worst=found(evaluated.worst))
