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
from leyden.data.batches import description, tensors
from leyden.data.module import DataModule
from leyden.plots.evaluated import Collector, Evaluated, Items
from leyden.plots.plot import errors_logged, remove_plots
from leyden.system.lightning_internals import steps_logged
from leyden.tasks.task import Task

log = logging.getLogger(__name__)

_MOST_NAMED = 200_000  # items: for their names a table is read again


class EvaluationPlots(L.Callback):
    """Draws the figures of `Task.plots` for the split that is tested, when the test has ended.

    An error in a figure, or in a method of a task for figures, is logged and does not end the run.

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
        self._collector: Collector | None = None  # None after an error
        self._seen = 0  # items of this process

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._begin()

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
        others: list[Any] = []
        if trainer.world_size > 1:
            own = None
            with errors_logged():
                own = self._collector.parts() if self._collector else None
            others = [None] * trainer.world_size
            torch.distributed.all_gather_object(others, own)  # by each process, whatever has happened to its part
            others = [part for rank, part in enumerate(others) if part and rank != trainer.global_rank]
        with errors_logged():
            self._draw(trainer, pl_module, self.split, others)
        self._collector = None

    def draw(self, trainer: L.Trainer, task: Task, batches: Iterable[Any], split: str) -> None:
        """Draw the figures of a split that no test measures: its batches are evaluated here, in one process."""
        with errors_logged():
            self._begin()
            device, precision = trainer.strategy.root_device, trainer.precision_plugin
            task.to(device).eval()
            task.network = precision.convert_module(task.network)
            for batch in batches:
                with torch.inference_mode(), precision.forward_context():
                    moved = task.transfer_batch_to_device(batch, device, 0)
                    outputs, targets = task.outputs_and_targets(precision.convert_input(moved))
                self._add(trainer, task, outputs, targets, batch)
            self._draw(trainer, task, split, [])
        self._collector = None

    def _begin(self) -> None:
        self._collector, self._seen = Collector(self.shown), 0

    def _add(self, trainer: L.Trainer, task: Task, outputs: Any, targets: Any, batch: Any) -> None:
        if self._collector is None:
            return
        collector, self._collector = self._collector, None
        with errors_logged(), torch.inference_mode():
            number = task.items_in(batch)
            index = torch.arange(self._seen, self._seen + number)
            self._seen += number
            if any(not part.dim() or len(part) != number for part in tensors((outputs, targets))):
                seen = f"outputs {description(outputs)}, targets {description(targets)}"
                log.warning("figures of the %s are left out: these are not of %d items: %s", self.split, number, seen)
                return  # and no more is collected
            inputs = task.inputs(batch)
            inputs = inputs if isinstance(inputs, Tensor) and len(inputs) == number else None
            index = index * trainer.world_size + trainer.global_rank  # as `Loader` divides the items among processes
            collector.add(inputs, outputs, targets, task.item_errors(outputs, targets), index)
            self._collector = collector  # unless there was an error, after which no more is collected

    def _draw(self, trainer: L.Trainer, task: L.LightningModule, split: str, others: list[Any]) -> None:
        if not trainer.is_global_zero or trainer.fast_dev_run or not isinstance(task, Task):  # type: ignore[attr-defined]
            return
        evaluated = self._collector.result(split, others) if self._collector else None
        if evaluated is None:
            return
        datamodule = self.datamodule or getattr(trainer, "datamodule", None)
        if isinstance(datamodule, DataModule):
            names = _names(datamodule, split) if evaluated.total <= _MOST_NAMED else ()
            evaluated = replace(evaluated, item_names=names, item_kind=datamodule.item_kind)
            evaluated = _with_inputs(evaluated, datamodule)
        remove_plots(self.dirpath)
        write_plots(trainer, self.dirpath, task.plots(evaluated.to(task.device)), steps_logged(trainer))


def _names(datamodule: DataModule, split: str) -> Sequence[object]:
    try:
        return datamodule.item_names(split) or ()
    except Exception as error:  # such as files that were changed during the run
        log.warning("figures: items are numbered and not named (%s)", " ".join(str(error).split()) or "changed data")
        return ()


def _with_inputs(evaluated: Evaluated, datamodule: DataModule) -> Evaluated:
    """The items with their inputs, where the network received features of these."""

    def found(items: Items | None) -> Items | None:
        if items is None or items.inputs.shape[1:] == datamodule.spec.input_shape:
            return items
        return replace(items, inputs=datamodule.inputs_at(evaluated.split, items.index).cpu())

    return replace(evaluated, examples=found(evaluated.examples), worst=found(evaluated.worst))
