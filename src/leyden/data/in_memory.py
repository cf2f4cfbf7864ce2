"""Data that fit in memory."""

from abc import abstractmethod
from typing import Any, Unpack

from torch import Generator, Tensor

from leyden.data.loader import Loader, Order, TensorLoader, Transform
from leyden.data.module import DataModule

Split = tuple[Tensor, Tensor]


def unchanged(inputs: Tensor, generator: Generator) -> Tensor:
    """The transform of inputs that are stored as the network takes them."""
    return inputs


class InMemory(DataModule):
    """Holds each split as two tensors, inputs (N, ...) and targets (N, ...), and indexes them a batch at a time.

    A subclass fills `splits` in `setup`, and overrides `transform` where inputs are stored in another form than the
    network takes. The arguments are those of DataModule.

    Attributes:
        splits: train, val and test.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.splits: dict[str, Split] = {}

    def transform(self, split: str) -> Transform:
        """From stored inputs to what the network takes."""
        return unchanged

    @abstractmethod
    def setup(self, stage: str | None = None) -> None: ...

    def sizes(self) -> str:
        """The size of each split."""
        return ", ".join(f"{len(targets):,} {name}" for name, (_, targets) in self.splits.items())

    def train_dataloader(self) -> Loader:
        return self.loader("train", **self.order("train"))

    def val_dataloader(self) -> Loader | list[Loader]:
        return self.loader("val", **self.order("val")) if self._has("val") else []

    def test_dataloader(self) -> Loader | list[Loader]:
        return self.loader("test", **self.order("test")) if self._has("test") else []

    def _has(self, split: str) -> bool:
        return bool(len(self.splits[split][1]))

    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        return TensorLoader(*self.splits[split], self.size_of_batches(split), self.transform(split), **order)
