"""Predictions of an existing run."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import lightning as L
import rich
import torch
from hydra.utils import instantiate
from rich.markup import escape
from rich.progress import track
from rich.table import Column, Table
from torch import Tensor

from leyden.checkpoints import trust
from leyden.config.experiment import Config, Recorded
from leyden.data.batches import map_tensors, moved
from leyden.data.inputs.open import Inputs, Named, open_inputs
from leyden.data.inputs.request import Request
from leyden.data.module import DataModule
from leyden.data.transform_settings import evaluation_steps
from leyden.run.split_record import warn_of_trained
from leyden.system.atomic_files import replacing
from leyden.system.console import has_live_display
from leyden.system.errors import UserError
from leyden.tasks.failures import UNKNOWN, failed_prediction
from leyden.tasks.task import Predictions, Task
from leyden.training.evaluate import open_run

log = logging.getLogger(__name__)
_FEW = 5  # predictions are shown
_LISTED = 20  # inputs that could not be read
_LONG = re.compile(r"^-?\d+\.\d{4,}(e-?\d+)?$")  # a number with many digits


def predict_run(recorded: Recorded, request: Request) -> Path:
    """Write the predictions of a run for some inputs.

    Args:
        recorded: the run, and settings that were typed.
        request: inputs and output file.

    Returns:
        File of the predictions.

    Raises:
        UserError: none of the inputs can be read, or the file cannot be written.
    """
    run, trainer = open_run(recorded, request.ckpt)
    if request.input is None:
        inputs = own_test_split(run.datamodule, run.task, trainer.strategy.root_device, request.batch_size)
        warn_of_trained(run.datamodule, ["test"], run.trained_on)
    else:
        batch_size = request.batch_size or int(run.config["data"].get("eval_batch_size") or 1024)
        inputs = open_inputs(request.input, run.spec, batch_size, _eval_transform(run.config))
    number = write(request.output, predict(run.task, inputs, trainer, request.top_k))
    _report(request.output, number, inputs)
    return request.output


def own_test_split(datamodule: DataModule, task: Task, device: torch.device, batch_size: int | None = None) -> Inputs:
    """Test split of the data of a run with its targets, named by file or line, or numbered from 0.

    Raises:
        UserError: it is empty.
    """
    datamodule.setup("test")
    datamodule.eval_batch_size = batch_size or datamodule.eval_batch_size
    loader = datamodule.loader("test", device=device)
    if not len(loader):
        raise UserError(f"input=null: the test split is empty; there are {datamodule.describe()}; give input=…")

    names = datamodule.item_names("test")

    def batches() -> Iterator[Named]:
        begin = 0
        for batch in loader:
            end = begin + task.items_in(batch)
            inputs, targets = task.inputs(batch), _truth_of(task, batch)
            called = names[begin:end] if names else range(begin, end)
            yield Named([str(name) for name in called], inputs, targets)
            begin = end

    return Inputs(len(loader), batches(), kind=datamodule.item_kind)


def predict(task: Task, inputs: Inputs, trainer: L.Trainer, top_k: int = 1) -> Iterator[Predictions]:
    """Predictions of a task, a batch at a time.

    Args:
        task: with its weights.
        inputs: their targets, if any, are added: `target`, or `target_<name>` of several, and `correct` of classes.
        trainer: with device and precision.
        top_k: number of classes to list.

    Yields:
        Columns by name, the names of the inputs first.

    Raises:
        UserError: none of the inputs can be read.
    """
    is_empty = True
    device, precision = trainer.strategy.root_device, trainer.precision_plugin
    task.to(device).eval()
    task.network = precision.convert_module(task.network)
    hidden = not has_live_display()
    for names, stored, targets in track(
        inputs.batches, "Predicting", total=inputs.steps, transient=True, disable=hidden
    ):
        with torch.inference_mode():
            batch = inputs.transform(moved(stored, device))
            columns = _columns(task, batch, targets, precision, top_k)
        kind = inputs.kind if inputs.kind not in columns else f"{inputs.kind} of the input"
        yield {kind: list(names), **columns}
        is_empty = False
    if is_empty:
        name, why = next(iter(inputs.unreadable.items()))
        raise UserError(f"input: nothing of it can be read; {name}: {why}")


def _columns(task: Task, inputs: Any, targets: Any, precision: Any, top_k: int) -> Predictions:
    """Predictions and truth of a batch, with the column `correct` where both are classes."""
    outputs: Any = UNKNOWN
    try:
        with precision.forward_context():
            outputs = task.outputs(precision.convert_input(inputs))
        floats = map_tensors(lambda part: part.float() if part.is_floating_point() else part, outputs)
        columns = task.predictions(floats, inputs, top_k)
        truth = {} if targets is None else task.truth(targets)
        truth = {f"target_{name}" if name in columns else name: column for name, column in truth.items()}
    except UserError:
        raise
    except Exception as error:
        raise failed_prediction(task, error, inputs, outputs) from error
    if "class" in columns and "target" in truth:
        truth["correct"] = [str(a == b).lower() for a, b in zip(columns["class"], truth["target"], strict=True)]
    return {**columns, **truth}


def _truth_of(task: Task, batch: Any) -> Any:
    """Targets of the data: those of the task, unless it computes them from the inputs."""
    if not task.needs_inputs:
        return task.targets(batch)
    return batch[1] if isinstance(batch, list | tuple) and len(batch) > 1 else None


def write(path: Path, batches: Iterable[Predictions]) -> int:
    """Write predictions as CSV, atomically, and return their number.

    Raises:
        UserError: it cannot be written.
    """
    number = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            for columns in batches:
                text = io.StringIO()
                writer = csv.writer(text, lineterminator="\n")
                if not number:
                    writer.writerow(columns)
                cells = [_cells(column) for column in columns.values()]
                writer.writerows(zip(*cells, strict=True))
                file.write(text.getvalue().encode(errors="backslashreplace"))  # a file's name may be any bytes
                number += len(cells[0])
    except OSError as error:
        raise UserError(f"output={path}: cannot be written ({error.strerror}); give another one") from error
    return number


def _cells(column: Tensor | list[str]) -> list[str]:
    """Cells of a column; numbers with the fewest digits that identify them."""
    return [str(value) for value in column.cpu().numpy()] if isinstance(column, Tensor) else column


def _eval_transform(config: Config) -> list[Any] | None:
    """Transforms of the run for images in evaluation; None for the default ones."""
    node = config["data"].get("eval_transform")
    if node is None:
        return None
    trust.check(node, "data.eval_transform")
    return evaluation_steps(instantiate(node, _convert_="all"))


def _report(path: Path, number: int, inputs: Inputs) -> None:
    for name, why in islice(inputs.unreadable.items(), _LISTED):
        log.warning("cannot be read: %s: %s", name, why)
    unread = len(inputs.unreadable)
    if unread > _LISTED:
        log.warning("cannot be read: %d more", unread - _LISTED)
    if number <= _FEW:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        columns = [Column(escape(name), overflow="fold") for name in header]
        table = Table(*columns, box=rich.box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
        for row in rows:
            table.add_row(*(escape(_LONG.sub(lambda number: f"{float(number[0]):.4g}", cell)) for cell in row))
        rich.print(table)
    less = f"; {unread:,} could not be read" if unread else ""
    others = f"; {inputs.skipped:,} other files were passed over" if inputs.skipped else ""
    log.info("%s predictions in %s%s%s", f"{number:,}", path, less, others)
