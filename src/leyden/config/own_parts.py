"""Losses and metrics of a task in one form: a name with arguments, or a class or function by its dotted name.

A dotted name, or `{package.losses.f: {a: 1}}`, becomes a mapping with `_target_`, and `_partial_` for a function, to be
called in training and not when the task is built. Of torch `{_target_: torch.nn.HuberLoss}` becomes `huber`.
"""

import ast
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from leyden.config import loss_names, metric_names
from leyden.config.signature import definition_of, signature_of
from leyden.system.errors import UserError


def task_kind(task: Mapping[str, Any]) -> str | None:
    """Kind of a task by its class: multiclass, binary, multilabel or regression; None for others."""
    signature = signature_of(str(task.get("_target_")))
    return metric_names.kind_of(signature.constants) if signature else None


def names_losses(task: Mapping[str, Any]) -> bool:
    """True if `loss` of a task is a loss by name: its class says of which kind, by `KIND`."""
    signature = signature_of(str(task.get("_target_")))
    return bool(signature and "loss" in signature.parameters and signature.constants.get("KIND"))


def takes_metrics(task: Mapping[str, Any]) -> bool:
    """True if `metrics` of a task is that of the base class, and no setting of its own."""
    signature = signature_of(str(task.get("_target_")))
    parameter = signature.parameters.get("metrics") if signature else None
    return bool(parameter and parameter.annotation and "Metric" in ast.unparse(parameter.annotation))


def check_parts(task: Mapping[str, Any]) -> None:
    """Check the loss and the metrics of a task, as far as they are names.

    Raises:
        UserError: one is unknown, does not fit the task, or an argument is wrong.
    """
    kind = task_kind(task)
    if kind and "loss" in task and names_losses(task):
        name, _ = loss_names.parsed_loss(task["loss"], kind) or ("", {})
        target = str(task["loss"].get("_target_")) if not name else ""
        if target and definition_of(target) is None and find_spec(target.partition(".")[0]):
            raise UserError(f"task.loss._target_={target}: there is no such class or function")
        if name and name not in loss_names.SMOOTHED and task.get("label_smoothing"):
            raise loss_names.no_smoothing(name, task["label_smoothing"])
    if task.get("metrics") is not None and takes_metrics(task):
        metric_names.check_metrics(task["metrics"], kind)


def logged_names(task: Mapping[str, Any]) -> list[str]:
    """Names of the metrics that `metrics` of a task adds, without the split."""
    return (
        [name for name, _ in metric_names.entries(task["metrics"])]
        if takes_metrics(task) and task.get("metrics")
        else []
    )


def with_own_parts(config: dict[str, Any]) -> dict[str, Any]:
    """A config whose task has its loss and metrics in one form."""
    task = config.get("task")
    if not isinstance(task, dict) or "_target_" not in task:
        return config
    changed = dict(task)
    if "loss" in task and names_losses(task):
        changed["loss"] = _own(task["loss"], loss_names.canonical)
    metrics = task.get("metrics") if takes_metrics(task) else None
    if isinstance(metrics, list):
        changed["metrics"] = [_own(metric, metric_names.canonical) for metric in metrics]
    elif isinstance(metrics, dict) and "_target_" not in metrics:
        changed["metrics"] = [_named(name, metric) for name, metric in metrics.items()]
    elif isinstance(metrics, str | dict):
        changed["metrics"] = [_own(metrics, metric_names.canonical)]
    return {**config, "task": changed}


def _named(name: str, settings: Any) -> Any:
    """An entry `{name: arguments}` of a mapping of metrics."""
    if isinstance(settings, Mapping) and "_target_" in settings:
        return {name: settings}
    return _own({name: settings} if settings else name, metric_names.canonical)


def _own(part: Any, canonical: Any) -> Any:
    """A part as a name with arguments if it has one, otherwise as a mapping with `_target_`."""
    if isinstance(part, Mapping) and len(part) == 1 and "_target_" not in part:
        [(name, settings)] = part.items()
        if isinstance(name, str) and "." in name and isinstance(settings, Mapping | None):
            part = {"_target_": name, **(settings or {})}
    elif isinstance(part, str) and "." in part:
        part = {"_target_": part}
    if not isinstance(part, Mapping) or "_target_" not in part:
        return part
    target = str(part["_target_"])
    arguments = {key: value for key, value in part.items() if key != "_target_"}
    if name := canonical(target):
        return {name: arguments} if arguments else name
    definition = definition_of(target)
    if definition and isinstance(definition[1], ast.FunctionDef):
        return {"_partial_": True, **part}
    return dict(part)
