"""Trial of a task on two items of its data before a run begins, so that what does not fit is refused at once."""

import warnings
from typing import Any

import torch
from torch import Tensor

from leyden.data.batches import description, moved
from leyden.data.module import DataModule
from leyden.models.evaluation_mode import evaluation_mode
from leyden.system.errors import UserError
from leyden.system.user_code import UserCodeError, short
from leyden.tasks.failures import UNKNOWN, check_loss, failed_prediction, failed_step, input_in
from leyden.tasks.output_settings import with_settings
from leyden.tasks.task import Task

# Hooks of a task in which others might log metrics of their own.
_LOGGING = [f"{split}_step" for split in ("training", "validation")]
_LOGGING += [f"on_{split}_{when}" for split in ("train", "validation") for when in ("epoch_end", "batch_end", "end")]
_STEPS = ("training_step", "validation_step", "test_step")
_BROADCAST = "Using a target size"  # how torch's warning about outputs and targets of different shapes begins


def logs_itself(task: Task) -> bool:
    """True if a task overrides hooks in which it may log metrics that its `metric_names` do not list."""
    return any(getattr(type(task), hook) is not getattr(Task, hook) for hook in _LOGGING)


def check_outputs(task: Task) -> None:
    """Check the shape of the outputs for the two example inputs.

    Raises:
        UserError: the network fails, or its outputs have another shape than `Task.output_shape`.
    """
    network, inputs, output = task.network, task.example_inputs(), UNKNOWN
    if inputs is None:
        return
    try:
        with torch.no_grad(), evaluation_mode(network):
            inputs = task.example_input_array
            output = task.outputs(inputs)
    except UserError:
        raise
    except Exception as error:
        raise failed_step(task, error, None, inputs, output) from error
    _check_shape(task, output, 2)


def _check_shape(task: Task, output: Any, items: int) -> None:
    shape = with_settings(task.output_shape, task.spec, task.settings)
    made = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if shape is not None and made != (items, *shape):
        number = {1: "one", 2: "two"}.get(items, items)
        remedy = ""
        if isinstance(output, Tensor) and len(made) > 1 + len(shape):
            remedy = "; flatten before its last layer"
        elif isinstance(output, Tensor) and len(made) == 1 + len(shape) and made[0] == items:
            remedy = "; let its last layer have output_size outputs"
        raise UserError(
            f"model {type(task.network).__name__}: makes {made} of a batch of {number}, and must make "
            f"{(items, *shape)}{remedy}"
        )


def try_batch(task: Task, datamodule: DataModule) -> None:
    """Compute outputs, loss, metrics and predictions of two training items once, without a trace.

    Items of data that only come from worker processes or from a stream are not tried; their first batch is checked in
    the run. The same holds for what a task replaces by a step of its own.

    Raises:
        UserError: something fails, in one sentence that says what was received and what must be returned.
    """
    batch = datamodule.sample(2)
    if batch is None or _replaces_steps(task):
        return
    inputs = outputs = targets = UNKNOWN
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), evaluation_mode(task):
            warnings.simplefilter("ignore")  # of metrics, about two items
            warnings.filterwarnings("error", message=_BROADCAST)
            inputs = task.inputs(moved(batch, "cpu"))
            outputs = task.outputs(inputs)
            _check_shape(task, outputs, task.items_in(batch))
            targets = task.targets(batch)
            loss = task.loss(outputs, targets)
            check_loss(task, loss)
            _check_pairing(task, outputs, targets, loss)
            if loss.requires_grad and task.automatic_optimization:
                trained = [parameter for parameter in task.network.parameters() if parameter.requires_grad]
                torch.autograd.grad(loss, trained, allow_unused=True)
            task.val_epoch.add(loss, outputs, targets, task.items_in(batch))
            task.val_epoch.update()
    except UserError:
        raise
    except Exception as error:
        raise _explained(task, error, batch, inputs, outputs, targets) from error
    finally:
        task.val_epoch.reset()
    _check_predictions(task, inputs, outputs, targets, task.items_in(batch))


def _check_pairing(task: Task, outputs: Any, targets: Any, loss: Tensor) -> None:
    """Refuse a loss over all pairs of outputs and targets, as of (B, 1) and (B,), which torch repeats to (B, B)."""
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor) or outputs.shape == targets.shape:
        return
    try:
        repeated = torch.broadcast_shapes(outputs.shape, targets.shape)  # type: ignore[no-untyped-call]
        each = [task.loss(outputs[n : n + 1], targets[n : n + 1]).detach() for n in range(len(outputs))]
    except (RuntimeError, IndexError, ValueError):  # they are of different kinds, as logits and classes are
        return
    if repeated not in (outputs.shape, targets.shape) and not torch.isclose(torch.stack(each).mean(), loss.detach()):
        raise UserWarning(_BROADCAST)


def _check_predictions(task: Task, inputs: Any, outputs: Any, targets: Any, items: int) -> None:
    try:
        with torch.no_grad():
            columns = {**task.predictions(outputs, inputs, 1), **task.truth(targets)}
    except UserError:
        raise
    except Exception as error:
        raise failed_prediction(task, error, inputs, outputs) from error
    wrong = next((name for name, column in columns.items() if len(column) != items), None)
    if wrong is not None:
        raise UserCodeError(
            f"task {type(task).__name__}: the column {wrong} of predictions has {len(columns[wrong])} values for "
            f"{items} items; each column must have a number or a word for every item"
        )


def _explained(task: Task, error: Exception, batch: Any, inputs: Any, outputs: Any, targets: Any) -> Exception:
    if isinstance(error, UserWarning):  # torch would broadcast, and train on a wrong loss
        return UserCodeError(
            f"task {type(task).__name__}: its loss gets outputs {description(outputs)} and targets "
            f"{description(targets)}, which torch would repeat to fit; let targets(batch) return the shape of the "
            "outputs, such as (B, 1), or the network that of the targets"
        )
    if outputs is not UNKNOWN or inputs is UNKNOWN:
        return failed_step(task, error, batch, inputs, outputs, targets)
    example = task.example_inputs()
    if isinstance(inputs, Tensor) and example is not None and description(inputs) != description(example):
        return UserCodeError(
            f"data: an input is {description(inputs)}, and its spec says {input_in(task.spec)}; let input_shape and "
            f"input_dtype of the DataSpec describe it. model {type(task.network).__name__} fails for it "
            f"({short(error)})"
        )
    return failed_step(task, error, batch, inputs, outputs, targets)


def _replaces_steps(task: Task) -> bool:
    replaced = {step for step in _STEPS if getattr(type(task), step) is not getattr(Task, step)}
    has_no_loss = "training_step" in replaced and type(task).loss is Task.loss
    return has_no_loss or bool(replaced - {"training_step"})
