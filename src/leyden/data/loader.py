"""Batches of a data set that lies in memory."""

from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import Generator, Tensor

from leyden.seeds import seed_for

Batch = tuple[Tensor, Tensor]
Transform = Callable[[Tensor, Generator], Tensor]


class TensorLoader:
    """Indexes tensors a batch at a time: no Python per item, and no worker processes to start.

    A batch is taken where the tensors lie, moved to `device` and transformed there as a whole. The order is a function
    of (seed, epoch), and the generator that a transform gets one of (seed, epoch, batch), so that a batch is the same
    whenever and after whatever it is made.

    Args:
        inputs: (N, ...), as stored; uint8 for pictures.
        targets: (N, ...).
        batch_size: items in a batch of each process.
        transform: from stored inputs to what the network takes.
        shuffle: in a new order each epoch.
        seed: of order and transforms.
        epoch: asked for the current epoch when an iteration begins; by default iterations are counted.
        device: where batches are handed out.
        rank: which of `world_size` processes this is; each gets its own items. When shuffled, some items are given
            twice so that all processes have as many steps; otherwise none is, so that metrics count each item once.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool = False,
        seed: int = 0,
        epoch: Callable[[], int] | None = None,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.inputs, self.targets = inputs, targets
        self.batch_size, self.transform = batch_size, transform
        self.shuffle, self.seed, self.epoch = shuffle, seed, epoch or count().__next__
        self.device, self.rank, self.world_size = torch.device(device), rank, world_size

    def __len__(self) -> int:
        batches, rest = divmod(self._items(), self.batch_size)
        return batches + (rest > 0) - self._drops(rest)

    def __iter__(self) -> Iterator[Batch]:
        epoch = self.epoch()
        order = self._order(epoch)
        generator = torch.Generator(self.device)
        for number in range(len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            inputs = self.inputs.index_select(0, chosen).to(self.device, non_blocking=True)  # six times inputs[chosen]
            targets = self.targets.index_select(0, chosen).to(self.device, non_blocking=True)
            generator.manual_seed(seed_for(self.seed, "transform", epoch, number, self.rank))
            yield self.transform(inputs, generator), targets

    def _items(self) -> int:
        total = len(self.targets)
        if self.shuffle:
            return -(-total // self.world_size)
        return len(range(self.rank, total, self.world_size))

    def _drops(self, rest: int) -> bool:
        """BatchNorm cannot train on one item: a last batch of one waits for another epoch's order."""
        return self.shuffle and rest == 1 and self._items() > 1

    def _order(self, epoch: int) -> Tensor:
        total = len(self.targets)
        if not self.shuffle:
            return torch.arange(total)[self.rank :: self.world_size]
        order = torch.randperm(total, generator=torch.Generator().manual_seed(seed_for(self.seed, "order", epoch)))
        places = torch.arange(self.rank, self._items() * self.world_size, self.world_size)
        return order[places % total]  # goes round once more, so that every process has as many
