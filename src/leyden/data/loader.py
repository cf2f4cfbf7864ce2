"""Loaders whose order of batches and random changes are functions of seed and epoch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, TypedDict, Unpack

import torch
from torch import Generator, Tensor

from leyden.system.seeds import seed_for

Batch = tuple[Tensor, Tensor]
Transform = Callable[[Tensor, Generator], Tensor]
Mix = Callable[[Tensor, Tensor, Generator], Batch]


class Order(TypedDict, total=False):
    """Order of the items, and the device of the batches.

    Attributes:
        shuffle: True for a new order in each epoch.
        seed: of order and transforms.
        epoch: called for the current epoch when an iteration begins; by default iterations are counted.
        start: called for the number of batches of this epoch that are done already, in a run that was interrupted; 0 by
            default.
        device: of the batches.
        rank: index of this one of `world_size` processes; each gets its own items, in as many batches as the others.
        world_size: number of processes.
        pad_to_world_size: True to repeat some items, so that all processes have the same number. Otherwise each item is
            used once, unless a process would have less than two when shuffled.
    """

    shuffle: bool
    seed: int
    epoch: Callable[[], int] | None
    start: Callable[[], int] | None
    device: torch.device | str
    rank: int
    world_size: int
    pad_to_world_size: bool


class Loader(ABC):
    """Batches of stored items, each moved to a device and transformed there as a whole.

    The order is a function of (seed, epoch), and the generator of a transform one of (seed, epoch, batch), so that a
    batch does not depend on when, and after which others, it is made.

    Args:
        total: number of items.
        batch_size: items in a batch of each process. In training a last batch of one item, of which BatchNorm has no
            statistics, is joined to the one before, and so are those of the other processes.
        transform: from stored inputs to those of the network.
        order: see `Order`.

    Attributes:
        mix: called with the transformed inputs and the targets of each batch, for other ones; None for none.
    """

    mix: Mix | None = None

    def __init__(self, total: int, batch_size: int, transform: Transform, **order: Unpack[Order]) -> None:
        self.total, self.batch_size, self.transform = total, batch_size, transform
        self.shuffle, self.seed = order.get("shuffle", False), order.get("seed", 0)
        self.epoch = order.get("epoch") or count().__next__
        self.start = order.get("start") or (lambda: 0)
        self.device = torch.device(order.get("device", "cpu"))
        self.rank, self.world_size = order.get("rank", 0), order.get("world_size", 1)
        self._uneven = total % self.world_size > 0
        self.pad_to_world_size = order.get("pad_to_world_size", False) or (self.shuffle and total < 2 * self.world_size)

    @abstractmethod
    def stored(self, epoch: int, batches: Iterable[Tensor]) -> Iterator[Batch]:
        """Stored inputs (B, ...) and targets (B, ...) of each batch of item indices (B,)."""

    def __len__(self) -> int:
        batches, rest = divmod(-(-self.total // self.world_size), self.batch_size)  # of a process that has the most
        return min(batches + (rest > 0) - self._joins(rest), self.items)

    def __iter__(self) -> Iterator[Batch]:
        epoch, start = self.epoch(), self.start()
        order = self.order_of(epoch)
        chosen = (order[self._first(number) : self._first(number + 1)] for number in range(start, len(self)))
        generator = torch.Generator(self.device)
        for number, (inputs, targets) in enumerate(self.stored(epoch, chosen), start):
            generator.manual_seed(seed_for(self.seed, "transform", epoch, number, self.rank))
            moved = self.transform(inputs.to(self.device, non_blocking=True), generator)
            answers = targets.to(self.device, non_blocking=True)
            yield self.mix(moved, answers, generator) if self.mix else (moved, answers)

    def take(self, index: Tensor) -> Batch:
        """Inputs (K, ...) and targets (K, ...) of single items (K,) of the data, transformed."""
        [(inputs, targets)] = self.stored(0, [index])
        generator = torch.Generator(self.device).manual_seed(seed_for(self.seed, "transform", 0, 0, self.rank))
        return self.transform(inputs.to(self.device), generator), targets.to(self.device)

    def sample(self, number: int) -> Any:
        """Batch of the first items of the data, made in this process; None if this takes more than a moment."""
        return self.take(torch.arange(min(number, self.total))) if self.total else None

    def _first(self, number: int) -> int:
        """Position where a batch begins. The last one gets an item of the one before, if other ranks have one more."""
        return min(number * self.batch_size, self.items - 1) if number < len(self) else self.items

    @property
    def items(self) -> int:
        """Number of items of an epoch in this process."""
        if self.pad_to_world_size:
            return -(-self.total // self.world_size)
        return len(range(self.rank, self.total, self.world_size))

    @property
    def joins_last(self) -> bool:
        """True if the last batch of an epoch is joined to the one before."""
        return self._joins(-(-self.total // self.world_size) % self.batch_size)

    def _joins(self, rest: int) -> bool:
        """True if the last batch is joined to the one before: without it, its items would not be trained on."""
        most = -(-self.total // self.world_size)
        least = (rest or self.batch_size) - (self._uneven and not self.pad_to_world_size)  # of any process
        return self.shuffle and most > self.batch_size and least < min(self.batch_size, 2)

    def order_of(self, epoch: int) -> Tensor:
        """Indices (N,) of the items of an epoch in this process."""
        total = self.total
        order = torch.arange(total)
        if self.shuffle:
            order = torch.randperm(total, generator=torch.Generator().manual_seed(seed_for(self.seed, "order", epoch)))
        if not self.pad_to_world_size:
            return order[self.rank :: self.world_size]
        places = torch.arange(self.rank, self.items * self.world_size, self.world_size)
        return order[places % total]  # from the beginning again, so that all processes have as many


class TensorLoader(Loader):
    """Loader that indexes tensors a batch at a time: no Python code per item, and no worker processes.

    Args:
        inputs: (N, ...), as stored; uint8 for images.
        targets: (N, ...).
    """

    def __init__(
        self, inputs: Tensor, targets: Tensor, batch_size: int, transform: Transform, **order: Unpack[Order]
    ) -> None:
        super().__init__(len(targets), batch_size, transform, **order)
        self.inputs, self.targets = inputs, targets

    def stored(self, epoch: int, batches: Iterable[Tensor]) -> Iterator[Batch]:
        for chosen in batches:
            yield (
                self.inputs.index_select(0, chosen),
                self.targets.index_select(0, chosen),
            )  # six times as fast as inputs[chosen]
