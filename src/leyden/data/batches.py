"""Batches of any structure: tensors in tuples, lists and mappings, with items along their first dimension."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence


def tensors(batch: Any) -> Iterator[Tensor]:
    """All tensors in a batch, in order."""
    if isinstance(batch, Tensor):
        yield batch
    for part in _parts(batch):
        yield from tensors(part)


def map_tensors(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """The same structure with a function applied to each tensor; other values stay."""
    return _map(lambda part: function(part) if isinstance(part, Tensor) else part, batch)


def moved(batch: Any, device: torch.device | str) -> Any:
    """A batch on a device, with the objects in it that have a method `to`, such as a graph."""
    is_cpu = torch.device(device).type == "cpu"  # a copy to it must be complete before it is read

    def move(part: Any) -> Any:
        if isinstance(part, Tensor):
            return part.to(device, non_blocking=not is_cpu)
        return part.to(device) if hasattr(part, "to") else part

    return _map(move, batch)


def _map(function: Callable[[Any], Any], batch: Any) -> Any:
    """The same structure with a function applied to each value that is no mapping, list, tuple or dataclass."""
    if isinstance(batch, Tensor | PackedSequence):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: _map(function, part) for key, part in batch.items()}
    if isinstance(batch, tuple) and type(batch) is not tuple:  # with names
        return type(batch)(*(_map(function, part) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_map(function, part) for part in batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{field.name: _map(function, getattr(batch, field.name)) for field in fields(batch)})
    return function(batch)


def items_in(batch: Any) -> int | None:
    """Number of items: the first dimension of the first tensor; None if it is not known.

    It is not known if the first part is a list or a mapping of tensors that differ in it, as a list of images.
    """
    if type(batch) in (list, tuple) and batch and isinstance(batch[0], Tensor) and batch[0].dim():
        return batch[0].shape[0]  # without looking further, as this is done in each step
    first = batch if isinstance(batch, Tensor) else next(iter(_parts(batch)), None)
    if isinstance(first, Tensor) and first.dim():
        return len(first)
    sizes = {len(tensor) for tensor in tensors(batch) if tensor.dim()}
    return sizes.pop() if len(sizes) == 1 else None


def is_joinable(batches: Sequence[Any], items: Sequence[int] | None = None) -> bool:
    """True if batches have one structure of tensors, whose first dimension is that of the items.

    Args:
        batches: of any structure.
        items: number of items in each; by default all tensors of a batch have to agree.
    """
    numbers: Sequence[int | None] = items or [items_in(batch) for batch in batches]
    if all(isinstance(batch, Tensor) for batch in batches):
        shapes = {batch.shape[1:] for batch in batches}
        return len(shapes) == 1 and all(b.dim() and len(b) == n for b, n in zip(batches, numbers, strict=True))
    layouts = [_layout(batch, number) for batch, number in zip(batches, numbers, strict=True)]
    return None not in layouts and all(layout == layouts[0] for layout in layouts)


def _layout(batch: Any, items: int | None) -> Any:
    """Structure and shapes of a batch of items; None if it has other values than tensors with these items."""
    if isinstance(batch, Tensor):
        return tuple(batch.shape[1:]) if batch.dim() and len(batch) == items else None
    if isinstance(batch, list) and any(isinstance(part, Mapping) for part in batch):
        return None  # a mapping for each item
    parts = [_layout(part, items) for part in _parts(batch)]
    keys = tuple(batch) if isinstance(batch, Mapping) else len(parts)
    return (type(batch).__name__, keys, *parts) if parts and None not in parts else None


def _parts(batch: Any) -> list[Any]:
    """Parts of a mapping, a list, a tuple or a dataclass; none of another value."""
    if isinstance(batch, Mapping):
        return list(batch.values())
    if isinstance(batch, list | tuple):
        return [] if isinstance(batch, PackedSequence) else list(batch)
    is_instance = is_dataclass(batch) and not isinstance(batch, type)
    return [getattr(batch, field.name) for field in fields(batch)] if is_instance else []


def join(batches: Sequence[Any]) -> Any:
    """One batch of several, which are joinable."""
    first = batches[0]
    if isinstance(first, Tensor):
        return torch.cat(list(batches))
    if isinstance(first, Mapping):
        return {key: join([batch[key] for batch in batches]) for key in first}
    if isinstance(first, tuple) and type(first) is not tuple:
        return type(first)(*(join(parts) for parts in zip(*batches, strict=True)))
    if is_dataclass(first) and not isinstance(first, type):
        return replace(first, **{f.name: join([getattr(batch, f.name) for batch in batches]) for f in fields(first)})
    return type(first)(join(parts) for parts in zip(*batches, strict=True))


def description(batch: Any, depth: int = 2) -> str:
    """Structure of a batch in words: `float32 (64, 8)`, `a dict of x float32 (64, 8), y int64 (64,)`."""
    if isinstance(batch, Tensor):
        place = "" if batch.device.type == "cpu" else f" on {batch.device}"
        return f"{str(batch.dtype).removeprefix('torch.')} {tuple(batch.shape)}{place}"
    name = type(batch).__name__
    if depth and isinstance(batch, Mapping) and batch:
        parts = [f"{key} {description(part, depth - 1)}" for key, part in list(batch.items())[:6]]
    elif depth and isinstance(batch, list | tuple) and batch:
        parts = [description(part, depth - 1) for part in batch[:6]]
    else:
        is_number = isinstance(batch, int | float) or batch is None
        return str(batch) if is_number else f"an empty {name}" if batch in ([], (), {}) else f"a {name}"
    return f"a {name} of {', '.join(parts)}{', …' if len(batch) > 6 else ''}"
