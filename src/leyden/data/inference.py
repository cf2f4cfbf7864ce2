"""DataSpec of data that do not publish one: from a batch of them, and from settings."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from leyden.data.batches import description
from leyden.data.spec import DataSpec
from leyden.system.console import has_live_display
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check the names of settings of a DataSpec.

    Raises:
        UserError: one is unknown.
    """
    known = [field.name for field in fields(DataSpec)]
    for name in settings:
        if name not in known:
            raise UserError(f"data.spec.{name}: is no fact of a DataSpec" + did_you_mean(name, known))


def infer_spec(
    batch: Any,
    batches: Iterable[Any],
    settings: Mapping[str, Any],
    kind: str | None = None,
    class_names: tuple[str, ...] = (),
    labels: Tensor | None = None,
) -> DataSpec:
    """Spec of data whose batches are pairs (inputs, targets).

    Whole numbers (N,) as targets are classes, and other numbers are values to predict, unless the task needs another
    kind of targets. Classes are counted in all training targets if they have no names.

    Args:
        batch: of some items; None if there is none to look at.
        batches: all of training, which are read if classes have to be counted.
        settings: of the spec, which replace what a batch shows; any structure of batches is possible if they are
            complete.
        kind: of targets, if the task needs one.
        class_names: of the data set, if it has any.
        labels: (N,) classes of all training items, if the data set lists them.

    Raises:
        UserError: a fact is neither a setting nor visible.
    """
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    if names := given.get("class_names"):
        class_names = given["class_names"] = tuple(map(str, names))
        if given.setdefault("output_size", len(names)) != len(names):
            raise UserError(
                f"data.spec.class_names={list(names)}: are not {given['output_size']} names; give one for each class"
            )
    if not {"task", "input_shape", "output_size"} <= given.keys():
        inputs, targets = _pair(batch, given.get("task", kind))
        known = "output_size" in given
        given = {**_facts(inputs, targets, given.get("task", kind), class_names, known), **given}
    if "output_size" not in given:
        given["output_size"] = _count_classes(batches) if labels is None else int(labels.max()) + 1
    return DataSpec(**given)


def _pair(batch: Any, kind: str | None = "classification") -> tuple[Tensor, Tensor]:
    if isinstance(batch, Tensor) and batch.dim() and kind is None:
        return batch, batch  # such as images for an autoencoder
    match batch:
        case (Tensor() as inputs, Tensor() as targets, *_) if inputs.dim():
            return inputs, targets
    seen = "there is no batch to look at" if batch is None else f"a batch is {description(batch)}"
    raise UserError(
        f"data.spec: {seen}, and no pair (inputs, targets) of tensors; give task (classification, regression or any "
        "word), input_shape and output_size: 'data.spec={task: classification, input_shape: [20], output_size: 2}'"
    )


def _facts(
    inputs: Tensor, targets: Tensor, kind: str | None, class_names: tuple[str, ...], is_complete: bool
) -> dict[str, Any]:
    is_whole = not targets.is_floating_point() and targets.dim() == 1 and targets.dtype != torch.bool
    task = kind or ("classification" if is_whole else "regression")
    facts: dict[str, Any] = {"task": task, "input_shape": tuple(inputs.shape[1:]), "input_dtype": _name(inputs.dtype)}
    if task == "classification" and class_names:
        return facts | {"class_names": class_names, "output_size": len(class_names)}
    if task == "classification":
        if not is_whole and not is_complete:
            raise UserError(
                f"data: targets are {description(targets)}, and classes must be whole numbers from 0, int64 (B,); "
                "convert them, or try task=regression"
            )
        return facts
    return facts | {"output_size": 1 if targets.dim() < 2 else targets[0].numel()}


def _count_classes(batches: Iterable[Any]) -> int:
    if isinstance(batches, tuple) and not batches:
        raise UserError(
            "data.spec.output_size: is not known of a stream; add data.spec.output_size=10, the number of classes"
        )
    largest, number = -1, 0
    hidden = not has_live_display()
    for batch in track(batches, "Counting classes", transient=True, disable=hidden):
        _, targets = _pair(batch)
        largest, number = max(largest, int(targets.max())), number + len(targets)
        if int(targets.min()) < 0:
            raise UserError(f"data: a class is {int(targets.min())}; classes must be whole numbers from 0")
    log.info(
        "data: %d classes, counted in %s training targets; data.spec.output_size=%d makes this unnecessary",
        largest + 1,
        f"{number:,}",
        largest + 1,
    )
    return largest + 1


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
