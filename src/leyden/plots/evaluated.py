"""Outputs of a network on the items of a split: what the figures of an evaluation are drawn from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from leyden.data.batches import is_joinable, join, map_tensors, moved, tensors

_NAMES = {"test": "Test split", "val": "Validation split", "train": "Training split", "new": "New items"}


@dataclass(frozen=True)
class Items:
    """Single items of a split, with their inputs.

    Attributes:
        rank: (K,) by which they were chosen, in descending order; of the worst items their errors.
        index: (K,) position of each item in the split, from 0.
        inputs: (K, ...) of the network.
        outputs: (K, ...) of the network, of the structure that it returns.
        targets: (K, ...) of the loss, likewise.
    """

    rank: Tensor
    index: Tensor
    inputs: Tensor
    outputs: Any
    targets: Any

    def __len__(self) -> int:
        return len(self.index)

    def highest(self, number: int) -> "Items":
        """The items of the highest ranks, in descending order; of equal ranks the first."""
        order = self.rank.argsort(descending=True, stable=True)[:number]
        return Items(*(rows(getattr(self, field.name), order) for field in fields(self)))

    def to(self, device: torch.device | str) -> "Items":
        """The same items on a device."""
        return Items(*(moved(getattr(self, field.name), device) for field in fields(self)))

    @staticmethod
    def join(parts: "Sequence[Items]") -> "Items":
        """All items of several parts."""
        return Items(*(join([getattr(part, field.name) for part in parts]) for field in fields(Items)))


def rows(batch: Any, index: Tensor) -> Any:
    """Some items of a batch of any structure."""
    return map_tensors(lambda part: part[index.to(part.device)], batch)


@dataclass(frozen=True)
class Evaluated:
    """Outputs and targets of a split, on the device of the task.

    Attributes:
        split: its name.
        total: number of its items.
        outputs: (N, ...) of the network, of the structure that it returns. Of a split whose outputs would take too much
            memory, N random items.
        targets: (N, ...) of the loss, likewise.
        examples: a few random items; None if the inputs are no single tensor.
        worst: the items with the greatest errors, the worst first; None if the task has no `item_errors`.
        item_names: of all items, such as files or lines of a table; empty if they have none.
        item_kind: such as `row` or `image`.
    """

    split: str
    total: int
    outputs: Any
    targets: Any
    examples: Items | None = None
    worst: Items | None = None
    item_names: Sequence[object] = ()
    item_kind: str = "item"

    def to(self, device: torch.device | str) -> "Evaluated":
        """The same with all tensors on a device."""
        examples, worst = (items and items.to(device) for items in (self.examples, self.worst))
        outputs, targets = moved(self.outputs, device), moved(self.targets, device)
        return replace(self, outputs=outputs, targets=targets, examples=examples, worst=worst)

    def name_of(self, index: int) -> str:
        """Name of an item in the split: `row 17`, `cats/3.jpg`, `item 231`."""
        if 0 <= index < len(self.item_names):
            name = str(self.item_names[index])
            return f"{self.item_kind} {name}" if name.isdigit() else name
        return f"item {index}"

    def describe(self) -> str:
        """The split and the number of its items, for captions."""
        items = f"{self.total:,} item{'s' if self.total != 1 else ''}"
        kept = len(next(tensors(self.outputs)))
        if kept < self.total:
            items = f"{kept:,} random items of {self.total:,}"
        return f"{_NAMES.get(self.split, self.split)}, {items}"


class Collector:
    """Collects the outputs of a split, a batch at a time, in bounded memory.

    Args:
        shown: number of examples and of worst items.
        most_values: most values of outputs to keep; of more, a random share of the items is kept.
    """

    def __init__(self, shown: int = 20, most_values: int = 8_000_000) -> None:
        self.shown, self.most_values = shown, most_values
        self.total = 0
        self._share = 1.0  # an item is kept if its random key is less
        self._kept: list[tuple[Tensor, Any, Any]] = []  # keys, outputs, targets
        self._top: dict[str, Items] = {}
        self._generator = torch.Generator().manual_seed(0)

    def add(self, inputs: Tensor | None, outputs: Any, targets: Any, errors: Tensor | None, index: Tensor) -> None:
        """Add a batch.

        Args:
            inputs: (B, ...) of the network; None if they are no single tensor.
            outputs: (B, ...).
            targets: (B, ...).
            errors: (B,) of the items; None if the task has none.
            index: (B,) positions in the split.
        """
        outputs, keys = map_tensors(Tensor.detach, outputs), torch.rand(len(index), generator=self._generator)
        self.total += len(index)
        self._keep(keys, outputs, targets)
        while sum(part.numel() for _, kept, _ in self._kept for part in tensors(kept)) > self.most_values:
            self._share /= 2
            before, self._kept = self._kept, []
            for part in before:
                self._keep(*part)
        if inputs is not None:
            self._rank("examples", keys, index, inputs, outputs, targets)
        if inputs is not None and errors is not None:
            self._rank("worst", errors.detach().float().nan_to_num(nan=torch.inf), index, inputs, outputs, targets)

    def _keep(self, keys: Tensor, outputs: Any, targets: Any) -> None:
        if self._share < 1:
            chosen = (keys < self._share).nonzero()[:, 0]
            keys, outputs, targets = keys[chosen], rows(outputs, chosen), rows(targets, chosen)
        if len(keys):
            outputs = map_tensors(lambda part: part.float() if part.is_floating_point() else part, outputs)
            self._kept.append((keys, moved(outputs, "cpu"), moved(targets, "cpu")))

    def parts(self) -> tuple[int, Any, Any, dict[str, Items]]:
        """All that was collected: number of items, outputs, targets, and single items.

        Nothing of batches that differ in more than the number of items, such as sequences of varying length.
        """
        _, outputs, targets = zip(*self._kept, strict=True) if self._kept else ((), (), ())
        if not outputs or not is_joinable(outputs) or not is_joinable(targets):
            return 0, torch.empty(0), torch.empty(0), {}
        return self.total, join(outputs), join(targets), self._top

    def result(self, split: str, others: Iterable[tuple[int, Any, Any, dict[str, Items]]] = ()) -> Evaluated | None:
        """What was collected, here and by `parts` in other processes; None if that is nothing."""
        parts = [part for part in (self.parts(), *others) if part[0]]
        if not parts:
            return None
        totals, outputs, targets, tops = zip(*parts, strict=True)
        top = {
            name: Items.join([of[name] for of in tops if name in of]).highest(self.shown)
            for name in ("examples", "worst")
            if any(name in of for of in tops)
        }
        return Evaluated(
            split,
            sum(totals),
            join(outputs),
            join(targets),
            top.get("examples"),
            top.get("worst"),
        )

    def _rank(self, name: str, rank: Tensor, *of: Any) -> None:
        """Keep the items of a batch that are among the highest so far."""
        before = self._top.get(name)
        if before is not None and len(before) == self.shown and not bool((rank > before.rank[-1]).any()):
            return
        batch = Items(rank, *(map_tensors(Tensor.detach, part) for part in of)).highest(self.shown).to("cpu")
        if before is None or is_joinable([before.inputs, batch.inputs]):
            self._top[name] = batch if before is None else Items.join([before, batch]).highest(self.shown)
