"""Outputs of a network on the items of a split: what the figures of an evaluation are drawn from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

_NAMES = {"test": "Test split", "val": "Validation split", "train": "Training split", "new": "New items"}


@dataclass(frozen=True)
class Items:
    """Single items of a split, with their inputs.

    Attributes:
        rank: (K,) by which they were chosen, in descending order; of the worst items their errors.
        index: (K,) position of each item in the split, from 0.
        inputs: (K, ...) of the network.
        outputs: (K, ...) of the network.
        targets: (K, ...) of the loss.
    """

    rank: Tensor
    index: Tensor
    inputs: Tensor
    outputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def highest(self, number: int) -> "Items":
        """The items of the highest ranks, in descending order; of equal ranks the first."""
        order = self.rank.argsort(descending=True, stable=True)[:number]
        return Items(*(getattr(self, field.name)[order.to(getattr(self, field.name).device)] for field in fields(self)))

    def to(self, device: torch.device | str) -> "Items":
        """The same items on a device."""
        return Items(*(getattr(self, field.name).to(device) for field in fields(self)))

    @staticmethod
    def join(parts: "Sequence[Items]") -> "Items":
        """All items of several parts."""
        return Items(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Items)))


@dataclass(frozen=True)
class Evaluated:
    """Outputs and targets of a split, on the device of the task.

    Attributes:
        split: its name.
        total: number of its items.
        outputs: (N, ...) of the network. Of a split whose outputs would take too much memory, N random items.
        targets: (N, ...) of the loss.
        examples: a few random items; None if the inputs are no single tensor.
        worst: the items with the greatest errors, the worst first; None if the task has no `item_errors`.
        item_names: of all items, such as files or lines of a table; empty if they have none.
        item_kind: such as `row` or `image`.
    """

    split: str
    total: int
    outputs: Tensor
    targets: Tensor
    examples: Items | None = None
    worst: Items | None = None
    item_names: Sequence[object] = ()
    item_kind: str = "item"

    def to(self, device: torch.device | str) -> "Evaluated":
        """The same with all tensors on a device."""
        examples, worst = (items and items.to(device) for items in (self.examples, self.worst))
        outputs, targets = self.outputs.to(device), self.targets.to(device)
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
        if len(self.outputs) < self.total:
            items = f"{len(self.outputs):,} random items of {self.total:,}"
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
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []  # keys, outputs, targets
        self._top: dict[str, Items] = {}
        self._generator = torch.Generator().manual_seed(0)

    def add(
        self, inputs: Tensor | None, outputs: Tensor, targets: Tensor, errors: Tensor | None, index: Tensor
    ) -> None:
        """Add a batch.

        Args:
            inputs: (B, ...) of the network; None if they are no single tensor.
            outputs: (B, ...).
            targets: (B, ...).
            errors: (B,) of the items; None if the task has none.
            index: (B,) positions in the split.
        """
        outputs, keys = outputs.detach(), torch.rand(len(outputs), generator=self._generator)
        self.total += len(outputs)
        self._keep(keys, outputs, targets)
        while sum(kept.numel() for _, kept, _ in self._kept) > self.most_values:
            self._share /= 2
            before, self._kept = self._kept, []
            for part in before:
                self._keep(*part)
        if inputs is not None:
            self._rank("examples", keys, index, inputs, outputs, targets)
        if inputs is not None and errors is not None:
            self._rank("worst", errors.detach().float().nan_to_num(nan=torch.inf), index, inputs, outputs, targets)

    def _keep(self, keys: Tensor, outputs: Tensor, targets: Tensor) -> None:
        if self._share < 1:
            chosen = (keys < self._share).nonzero()[:, 0]
            keys, outputs = keys[chosen], outputs[chosen.to(outputs.device)]
            targets = targets[chosen.to(targets.device)]
        if len(keys):
            self._kept.append((keys, outputs.float().cpu(), targets.cpu()))

    def parts(self) -> tuple[int, Tensor, Tensor, dict[str, Items]]:
        """All that was collected: number of items, outputs, targets, and single items."""
        if not self._kept:
            return 0, torch.empty(0), torch.empty(0), {}
        _, outputs, targets = zip(*self._kept, strict=True)
        return self.total, torch.cat(outputs), torch.cat(targets), self._top

    def result(
        self, split: str, others: Iterable[tuple[int, Tensor, Tensor, dict[str, Items]]] = ()
    ) -> Evaluated | None:
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
            torch.cat(outputs),
            torch.cat(targets),
            top.get("examples"),
            top.get("worst"),
        )

    def _rank(self, name: str, rank: Tensor, *of: Tensor) -> None:
        """Keep the items of a batch that are among the highest so far."""
        before = self._top.get(name)
        if before is not None and len(before) == self.shown and not bool((rank > before.rank[-1]).any()):
            return
        batch = Items(rank, *(tensor.detach() for tensor in of)).highest(self.shown).to("cpu")
        self._top[name] = batch if before is None else Items.join([before, batch]).highest(self.shown)
