"""Loader of the items of a Dataset of torch, collated to batches of any structure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from traceback import extract_tb, format_exc
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.utils.data import Dataset

from leyden.data.batches import description, moved
from leyden.data.loader import Order
from leyden.data.workers import WorkerLoader, seeded
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for
from leyden.system.user_code import UserCodeError, short


class ItemLoader(WorkerLoader):
    """Batches of the items of a map-style data set, in worker processes or in this one.

    Order, and the random numbers of an item, are functions of seed and epoch, as for any `Loader`.

    Args:
        dataset: with all items.
        rows: (N,) indices of those to load.
        batch_size: items in a batch.
        collate_fn: makes a batch of a list of items.
        sampler: order of an epoch, as indices into `rows`; None for that of `Loader`.
        batch_sampler: batches of an epoch, likewise.
        drop_last: leave out an incomplete last batch.
        workers: see `WorkerLoader`.
        order: see `Order`.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        rows: Tensor,
        batch_size: int,
        collate_fn: Callable[[list[Any]], Any],
        sampler: Any = None,
        batch_sampler: Any = None,
        drop_last: bool = False,
        workers: Mapping[str, Any] | None = None,
        **order: Unpack[Order],
    ) -> None:
        super().__init__(
            _Item(dataset),
            rows,
            torch.arange(len(rows)),
            batch_size,
            lambda inputs, generator: inputs,
            collate=_Collate(collate_fn),
            **(workers or {}),
            **order,
        )
        self.sampler, self.batch_sampler, self.drop_last = sampler, batch_sampler, drop_last
        if sampler is not None:
            self.total = len(sampler)

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler) // self.world_size
        if self.drop_last:
            return self.total // self.world_size // self.batch_size  # as many in each process
        return super().__len__()

    @property
    def joins_last(self) -> bool:
        return not self.drop_last and super().joins_last

    def __iter__(self) -> Iterator[Any]:
        epoch, start = self.epoch(), self.start()
        for batch in self.made(epoch, self.batches_of(epoch)[start:]):
            yield moved(batch, self.device)

    def take(self, index: Tensor) -> Any:
        return self.sample_of(index)

    def sample(self, number: int) -> Any:
        return self.sample_of(torch.arange(min(number, len(self.numbers))))

    def batches_of(self, epoch: int) -> list[Tensor]:
        """Indices of the items of each batch of an epoch in this process."""
        if self.batch_sampler is not None:
            batches = [torch.tensor(batch) for batch in self._drawn(self.batch_sampler, epoch)]
            return batches[self.rank :: self.world_size][: len(self)]
        order = self.order_of(epoch)
        if self.drop_last:
            return [
                order[first : first + self.batch_size]
                for first in range(0, len(self) * self.batch_size, self.batch_size)
            ]
        return [order[self._first(number) : self._first(number + 1)] for number in range(len(self))]

    def order_of(self, epoch: int) -> Tensor:
        if self.sampler is None:
            return super().order_of(epoch)
        order = torch.tensor(self._drawn(self.sampler, epoch), dtype=torch.int64)
        return order[self.rank :: self.world_size]

    def _drawn(self, sampler: Any, epoch: int) -> list[Any]:
        """Indices of a sampler for an epoch, drawn with random numbers that depend on seed and epoch only."""
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        with seeded(seed_for(self.seed, "sampler", epoch)):
            drawn = list(sampler)
        most = max((max(batch, default=0) if isinstance(batch, Iterable) else batch for batch in drawn), default=0)
        if most >= len(self.numbers):
            raise UserError(
                f"data.sampler: draws item {most}, and there are {len(self.numbers)} to train on; make it for as many, "
                "or let it be a function of the training items"
            )
        return drawn


class _Item:
    """Item of a data set by its number; an error is raised as one sentence, also across processes."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __call__(self, number: int) -> Any:
        try:
            return self.dataset[number]
        except UserError:
            raise
        except Exception as error:
            inner = self.dataset
            parts = getattr(inner, "datasets", [inner])
            frame = extract_tb(error.__traceback__)[-1]
            failure = UserCodeError(
                f"data {type(parts[0]).__name__}: item {number} fails ({short(error)}; {Path(frame.filename).name}, "
                f"line {frame.lineno}); __getitem__ must return the inputs and the target of an item"
            )
            failure.add_note(format_exc())  # the cause does not come back from a worker process
            raise failure from error


class _Collate:
    """Batch of a list of items; an error is raised as one sentence."""

    def __init__(self, collate_fn: Callable[[list[Any]], Any]) -> None:
        self.collate_fn = collate_fn

    def __call__(self, items: list[Any]) -> Any:
        try:
            return self.collate_fn(items)
        except UserError:
            raise
        except Exception as error:
            some = " and ".join(description(item) for item in items[:2])
            name = getattr(self.collate_fn, "__name__", type(self.collate_fn).__name__)
            raise UserCodeError(
                f"data: {name} cannot make a batch of items such as {some} ({short(error)}); items must have one "
                "shape, or data.collate_fn must pad them to one"
            ) from error
