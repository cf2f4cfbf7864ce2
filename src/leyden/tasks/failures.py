"""Failures in the classes of a project, as one sentence: the class, what it received, and what it must return."""

from typing import Any

import torch
from torch import Tensor

from leyden.data.batches import description, tensors
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.system.memory import is_out_of_memory
from leyden.system.user_code import UserCodeError, short
from leyden.tasks.output_settings import with_settings

UNKNOWN: Any = object()  # a value that was not computed, as an earlier step failed


def failed_step(
    task: Any, error: Exception, batch: Any, inputs: Any = UNKNOWN, outputs: Any = UNKNOWN, targets: Any = UNKNOWN
) -> Exception:
    """Error to raise in place of one in a step of a task, by the values that were computed before it.

    Args:
        task: whose step failed; with network and spec.
        error: that was raised.
        batch: of the step.
        inputs: of the network; UNKNOWN if they could not be taken from the batch.
        outputs: of the network, likewise.
        targets: likewise.
    """
    if is_out_of_memory(error):
        return error
    name, network = type(task).__name__, task.network
    if inputs is UNKNOWN or (outputs is not UNKNOWN and targets is UNKNOWN):
        method = "inputs" if inputs is UNKNOWN else "targets"
        what = "the inputs of the network" if inputs is UNKNOWN else "what the outputs should match"
        return UserCodeError(
            f"task {name}: {method}(batch) fails for {description(batch)} ({short(error)}); it must return {what}"
        )
    if outputs is UNKNOWN:
        return UserCodeError(
            f"model {type(network).__name__}: its forward fails for {description(inputs)} ({short(error)}); "
            f"{needed(task.spec, with_settings(task.output_shape, task.spec, task.settings), inputs)}"
        )
    seen = f"outputs {description(outputs)} and targets {description(targets)}"
    return UserCodeError(
        f"task {name}: loss or metrics fail for {seen} ({short(error)}); loss(outputs, targets) must return the mean "
        "over the items as one number, and metric_inputs(outputs, targets) what its metrics take"
    )


def failed_prediction(task: Any, error: Exception, inputs: Any, outputs: Any) -> Exception:
    """Error to raise in place of one in the predictions of a task, by its outputs if there were any."""
    if outputs is UNKNOWN:
        return failed_step(task, error, None, inputs)
    return UserCodeError(
        f"task {type(task).__name__}: predictions or truth fail for outputs {description(outputs)} ({short(error)}); "
        "predictions(outputs, inputs, top_k) must return columns by name, each with a number or a word for every item"
    )


def needed(spec: DataSpec, output_shape: tuple[int, ...] | None, inputs: Any) -> str:
    """Sentence about the inputs that a network gets and the outputs that it must return."""
    made = "anything that loss takes" if output_shape is None else _shape(output_shape)
    got = input_in(spec) if isinstance(inputs, Tensor) else "such inputs"
    is_double = any(tensor.dtype == torch.float64 for tensor in tensors(inputs))
    remedy = "let the data set return float32, which networks compute in" if is_double else ""
    return remedy or f"it must map {got} to {made}"


def input_in(spec: DataSpec) -> str:
    """Batch of inputs that a spec describes, in words: `float32 (B, 8)`."""
    return f"{spec.input_dtype} {_shape(spec.input_shape)}"


def check_loss(task: Any, loss: Any) -> None:
    """Check the result of the loss of a task.

    Raises:
        UserError: it is no tensor of one number, or does not depend on what is trained.
    """
    must = "loss(outputs, targets) must return a tensor of one number, the mean over the items"
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
        raise UserCodeError(f"task {type(task).__name__}: its loss is {description(loss)}; {must}")
    trained = any(parameter.requires_grad for parameter in task.network.parameters())
    if trained and not loss.requires_grad:
        raise UserCodeError(
            f"task {type(task).__name__}: its loss does not depend on the parameters of the network; leave out "
            f"detach(), item() and torch.no_grad() in the network and the loss. {must}"
        )


def no_pair(task: Any, batch: Any, method: str) -> UserError:
    """Error for a batch that is no pair of inputs and targets, in a task that overrides neither method."""
    return UserCodeError(
        f"data: a batch is {description(batch)}, and no pair (inputs, targets); override {method}(batch) in task "
        f"{type(task).__name__}, or let the data set return pairs"
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['B', *map(str, shape)])})" if shape else "(B,)"
