"""Losses and metrics of a task in one form: a name with arguments, or a class or function by its dotted name.

`package.losses.f` and `{package.losses.f: {a: 1}}` become mappings with `_target_`, a function with `_partial_`, so that
it is called in training and not when the task is built. torch's own losses become names: `{_target_: torch.nn.HuberLoss}`
is `huber`.
"""

import ast
from collections.abc import Mapping
from typing import Any

from leyden.config import loss_names, metric_names
from leyden.config.signature import definition_of, signature_of


def task_kind(task: Mapping[str, Any]) -> str | None:
    """Kind of a task by its class: multiclass, binary, multilabel or regression; None for others."""
    signature = signature_of(str(task.get("_target_")))
    return metric_names.kind_of(signature.constants) if signature else None


def names_losses(task: Mapping[str, Any]) -> bool:
    """True if `loss` of a task is a loss by name: its class says of which kind, by `KIND`."""
    signature = signature_of(str(task.get("_target_")))
    return bool(signature and "loss" in signature.parameters and signature.constants.get("KIND"))


def check_parts(task: Mapping[str, Any]) -> None:
    """Check the loss and the metrics of a task, as far as they are names.

    Raises:
        UserError: one is unknown, does not fit the task, or an argument is wrong.
    """
    kind = task_kind(task)
    if kind and "loss" in task and names_losses(task):
        name, _ = loss_names.parsed_loss(task["loss"], kind) or ("", {})
        if name and name not in loss_names.SMOOTHED and task.get("label_smoothing"):
            raise loss_names.no_smoothing(name, task["label_smoothing"])
    if "metrics" in task and task["metrics"] is not None:
        metric_names.check_metrics(task["metrics"], kind)


def with_own_parts(config: dict[str, Any]) -> dict[str, Any]:
    """A config whose task has its loss and metrics in one form."""
    task = config.get("task")
    if not isinstance(task, dict) or "_target_" not in task:
        return config
    changed = dict(task)
    if "loss" in task and names_losses(task):
        changed["loss"] = _own(task["loss"], loss_names.canonical)
    metrics = task.get("metrics")
    if isinstance(metrics, list):
        changed["metrics"] = [_own(metric, metric_names.canonical) for metric in metrics]
    elif isinstance(metrics, dict) and "_target_" not in metrics:
        changed["metrics"] = [_named(name, metric) for name, metric in metrics.items()]
    elif isinstance(metrics, str | dict):
        changed["metrics"] = [_own(metrics, metric_names.canonical)]
    return {**config, "task": changed}


def _named(name: str, given: Any) -> Any:
    """An entry `{name: arguments}` of a mapping of metrics."""
    if isinstance(given, Mapping) and "_target_" in given:
        return {name: given}
    return _own({name: given} if given else name, metric_names.canonical)


def _own(part: Any, canonical: Any) -> Any:
    """A part as a name with arguments if it has one, otherwise as a mapping with `_target_`."""
    if isinstance(part, Mapping) and len(part) == 1 and "_target_" not in part:
        [(name, given)] = part.items()
        if isinstance(name, str) and "." in name and isinstance(given, Mapping | None):
            part = {"_target_": name, **(given or {})}
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
