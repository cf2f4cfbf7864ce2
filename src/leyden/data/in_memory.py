"""Base class of datamodules whose data fit in memory."""

from abc import abstractmethod
from typing import Any, Unpack

from torch import Tensor

from leyden.data.loader import Loader, Order, TensorLoader, Transform
from leyden.data.module import DataModule

Split = tuple[Tensor, Tensor]


class InMemory(DataModule):
    """Splits of two tensors, inputs (N, ...) and targets (N, ...), which are indexed a batch at a time.

    A subclass fills `splits` in `setup`, and overrides `transform` if the network takes another form than the stored
    one. The arguments are those of DataModule.

    Attributes:
        splits: train, val and test.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.splits: dict[str, Split] = {}

    def transform(self, split: str) -> Transform:
        """Transform from stored inputs to those of the network."""
        return lambda inputs, generator: inputs

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
