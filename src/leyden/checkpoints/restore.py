"""Task with its network and weights, from a checkpoint alone."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import Tensor, nn

from leyden.checkpoints import trust
from leyden.data.spec import DataSpec
from leyden.models.of_torch import settle
from leyden.records.projects import present_names
from leyden.system.errors import UserError
from leyden.tasks.task import Task


def restore_task(checkpoint: Mapping[str, Any], name: str = "ckpt") -> Task:
    """Task of a checkpoint with its weights, in evaluation mode, without an optimizer.

    Args:
        checkpoint: from `leyden.checkpoints.files.read_checkpoint`.
        name: of the file, for messages.

    Raises:
        UserError: the checkpoint lacks what a task is rebuilt from, or names a class that is not trusted.
    """
    missing = [key for key in ("model", "task", "spec", "state_dict") if not isinstance(checkpoint.get(key), Mapping)]
    if missing:
        raise UserError(f"{name}: has no {missing[0]} in it; it was not written by train.py")
    spec = restore_spec(checkpoint["spec"], name)
    model, settings = present_names(checkpoint["model"]), present_names(checkpoint["task"])
    network = restore_network(model, spec, f"{name}: model")
    task: Task = trust.build(settings, Task, f"{name}: task", network=network, spec=spec)
    load_state(task, checkpoint["state_dict"], name)
    task.model, task.settings = dict(model), dict(settings)
    return task.eval()


def restore_network(model: Mapping[str, Any], spec: DataSpec, setting: str = "model") -> nn.Module:
    """Network of the settings in a checkpoint, without its weights.

    Raises:
        UserError: they name what is not trusted, or the network refuses them.
    """
    network: nn.Module = trust.build(model, nn.Module, setting)
    settle(network, model, spec.input_shape)
    return network


def load_state(task: Task, weights: Mapping[str, Tensor], name: str) -> None:
    """Load weights into a task; `name` is of their file, for the message.

    Raises:
        UserError: they do not fit its network.
    """
    try:
        task.load_state_dict(weights)
    except RuntimeError as error:
        why = " ".join(str(error).split())
        raise UserError(f"{name}: its weights do not fit its network ({why[:200]})") from error


def restore_spec(values: Mapping[str, Any], name: str = "ckpt") -> DataSpec:
    """DataSpec of a checkpoint; unknown fields, of another version, are ignored."""
    known = {field.name for field in fields(DataSpec)}
    try:
        return DataSpec(**{key: value for key, value in values.items() if key in known})
    except TypeError as error:
        raise UserError(f"{name}: its spec is not complete ({error})") from error
