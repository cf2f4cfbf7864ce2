"""Batches of any structure: tensors in tuples, lists and mappings, with items along their first dimension."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def tensors(batch: Any) -> Iterator[Tensor]:
    """All tensors in a batch, in order."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for part in batch.values():
            yield from tensors(part)
    elif isinstance(batch, list | tuple):
        for part in batch:
            yield from tensors(part)


def map_tensors(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """The same structure with a function applied to each tensor; other values stay."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: map_tensors(function, part) for key, part in batch.items()}
    if isinstance(batch, tuple) and type(batch) is not tuple:  # with names
        return type(batch)(*(map_tensors(function, part) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(map_tensors(function, part) for part in batch)
    return batch


def moved(batch: Any, device: torch.device | str) -> Any:
    """A batch on a device."""
    is_cpu = torch.device(device).type == "cpu"  # a copy to it must be complete before it is read
    return map_tensors(lambda part: part.to(device, non_blocking=not is_cpu), batch)


def items_in(batch: Any) -> int | None:
    """Number of items: the first dimension of the first tensor; None without one."""
    if isinstance(batch, list | tuple) and batch and isinstance(batch[0], Tensor) and batch[0].dim():
        return len(batch[0])
    first = next((tensor for tensor in tensors(batch) if tensor.dim()), None)
    return None if first is None else len(first)


def is_joinable(batches: Sequence[Any]) -> bool:
    """True if batches have one structure, and tensors that differ in their first dimension only."""
    if all(isinstance(batch, Tensor) for batch in batches):
        return len({batch.shape[1:] for batch in batches}) == 1 and batches[0].dim() > 0
    layouts = [[tensor.shape[1:] if tensor.dim() else None for tensor in tensors(batch)] for batch in batches]
    return all(layout == layouts[0] and None not in layout for layout in layouts)


def join(batches: Sequence[Any]) -> Any:
    """One batch of several, which are joinable."""
    first = batches[0]
    if isinstance(first, Tensor):
        return torch.cat(list(batches))
    if isinstance(first, Mapping):
        return {key: join([batch[key] for batch in batches]) for key in first}
    if isinstance(first, tuple) and type(first) is not tuple:
        return type(first)(*(join(parts) for parts in zip(*batches, strict=True)))
    if isinstance(first, list | tuple):
        return type(first)(join(parts) for parts in zip(*batches, strict=True))
    return first


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
