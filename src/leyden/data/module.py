"""Base class of datamodules: settings of batches and splits, and the facts that models are built from."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import lightning as L
import torch
from torch import Tensor

from leyden.data.digests import Digests, ItemDigests
from leyden.data.loader import Batch, Loader, Order
from leyden.data.recorded_split import RecordedSplit
from leyden.data.spec import DataSpec
from leyden.data.splits import draw_splits
from leyden.system.errors import UserError


class DataModule(L.LightningDataModule):
    """A LightningDataModule that publishes a `DataSpec`, once it is set up.

    Args:
        batch_size: of training, for each process.
        eval_batch_size: of validation and test, where no gradients take memory.
        val_size: of the validation split, taken from the training items: a count, or a fraction below 1; 0 for none.
        train_size: of the remaining items, the ones to train on: a count or a fraction; null for all.
        fold: index, from 0, of the one of `folds` equal parts that is held out; null for no folds. If the data come
            with a test set, a fold replaces the validation split; otherwise it replaces the test split.
        folds: number of parts.
        seed: of the order and of random changes.
        split_seed: of the splits, which are stratified by class and depend on nothing else.

    Attributes:
        reference_spec: of the data that a network was trained on, if there is one already: inputs are then normalised
            and encoded by it, and not by statistics of these data.
        recorded: the split of a run that is resumed or evaluated; its items stay in their splits, even if items were
            added to the data since.
        items: digests (N,) of the items of each split, by which a run records its split; empty if the items of these
            data cannot be recognised.
        inputs: digests (N,) of their inputs without their targets.
        missing_items: for each split, the number of recorded items that are not in these data, or have changed.
        is_other: True if none of the recorded items is in these data.
        target_kind: classification or regression if the task needs one of the two; None if it takes any data.
        class_order: the classes of a run that is resumed, in the order of its logits; empty otherwise.
    """

    PUBLISHES_SPEC: ClassVar[bool] = True  # so that a config cannot give one
    ITEM: ClassVar[str] = "input"  # the kind of item that `item_names` names, in the header of predictions
    reference_spec: DataSpec | None = None
    recorded: RecordedSplit | None = None
    target_kind: str | None = None
    class_order: tuple[str, ...] = ()

    def __init__(
        self,
        batch_size: int = 64,
        eval_batch_size: int = 1024,
        val_size: float = 0.1,
        train_size: float | None = None,
        fold: int | None = None,
        folds: int = 5,
        seed: int = 0,
        split_seed: int = 0,
    ) -> None:
        super().__init__()
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.val_size, self.train_size = val_size, train_size
        self.fold, self.folds = fold, folds
        self.seed, self.split_seed = seed, split_seed
        self.items: dict[str, Digests] = {}
        self.inputs: dict[str, Digests] = {}
        self.missing_items: dict[str, int] = {}
        self.is_other = False

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """Facts that a model is built from."""

    @abstractmethod
    def describe(self) -> str:
        """The data in one line, with the size of each split."""

    @abstractmethod
    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        """Batches of train, val or test, in the stored order by default."""

    @property
    @abstractmethod
    def augmented(self) -> bool:
        """True if an input of the training split differs between epochs."""

    @property
    def identified_by(self) -> Sequence[str]:
        """Parts of the items in their digests: columns of a table beside its targets, or a word or two."""
        return ("values",)

    def item_names(self, split: str) -> Sequence[str] | None:
        """Name of each item of a split, such as its file or its line in a file; None if items have numbers only."""
        return None

    @property
    def item_kind(self) -> str:
        """Kind of item that `item_names` names."""
        return self.ITEM

    def inputs_at(self, split: str, index: Tensor) -> Tensor:
        """Inputs (K, *spec.input_shape) of single items (K,) of a split, in its stored order."""
        return self.loader(split).take(index)[0]

    def sample(self, number: int) -> Any:
        """A batch of a few training items; None if making it takes more than a moment."""
        loader = self.loader("train")
        return loader.sample(number) if isinstance(loader, Loader) else None

    def __str__(self) -> str:
        """The data in one line; Lightning's own text fails for loaders of others."""
        return self.describe()

    def divide(
        self,
        labels: Tensor,
        parts: Mapping[str, Tensor],
        test_size: float = 0.0,
        digests: ItemDigests | None = None,
    ) -> dict[str, Tensor]:
        """Rows of train, val and test. A split that the data do not come with is taken from the training part.

        If there are both a validation and a test set, folds are made of training and validation items together. Items
        of a recorded split are recognised by their digests; all others are `new`.

        Args:
            labels: (N,) class indices of all items; all the same without classes.
            parts: the items (M,) of each part that the data come in: train and, if there are such, val and test.
            test_size: a count, or a fraction below 1; 0 for none.
            digests: of all items; None if they cannot be recognised.

        Raises:
            UserError: a size is more than there is, or no item is left to train on.
        """
        if digests is None or self.recorded is None or not self.recorded.is_kept:
            rows = self._draw(labels, parts, test_size)
        else:
            rows = self._divide_again(self.recorded, labels, parts, test_size, digests.items)
        if digests is not None:
            for split, chosen in rows.items():
                self.note_items(split, digests, chosen)
        return rows

    def note_items(self, split: str, digests: ItemDigests, rows: Tensor | None = None) -> None:
        """Keep the digests of the items of a split: of some rows, or of all."""
        of = slice(None) if rows is None else rows.numpy()
        self.items[split], self.inputs[split] = digests.items[of], digests.inputs[of]

    def _divide_again(
        self,
        recorded: RecordedSplit,
        labels: Tensor,
        parts: Mapping[str, Tensor],
        test_size: float,
        digests: Digests,
    ) -> dict[str, Tensor]:
        try:
            drawn, refused = self._draw(labels, parts, test_size), None
        except UserError as error:  # fewer items than before; their recorded split is all that is needed
            drawn, refused = {split: parts.get(split, torch.arange(0)) for split in ("train", "val", "test")}, error
        if self.fold is not None and "val" in parts and "test" in parts:  # folds are made of both
            parts = {"train": torch.cat([parts["train"], parts["val"]]), "test": parts["test"]}
        division = recorded.divide(drawn, parts, digests)
        self.missing_items, self.is_other = division.missing, not division.is_same
        if refused and self.is_other:
            raise refused
        return division.rows

    def _draw(self, labels: Tensor, parts: Mapping[str, Tensor], test_size: float) -> dict[str, Tensor]:
        sizes = {"test": test_size, "val": self.val_size, "train": self.train_size}
        return draw_splits(labels, parts, sizes, self.fold, self.folds, self.split_seed)

    def size_of_batches(self, split: str) -> int:
        """Number of items in a batch of this split."""
        return self.batch_size if split == "train" else self.eval_batch_size

    def order(self, split: str) -> Order:
        """Order and device of the batches of a split."""
        trainer, training = self.trainer, split == "train"
        overfit = bool(getattr(trainer, "overfit_batches", 0))  # the same few batches again and again
        return Order(
            shuffle=training and not overfit,
            pad_to_world_size=training and overfit,
            seed=self.seed,
            epoch=(lambda: trainer.current_epoch) if trainer else None,
            start=(lambda: _batches_done(trainer)) if trainer and training else None,
            device=trainer.strategy.root_device if trainer else "cpu",
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch  # the loader has put it there; checking again would take 0.05 ms


def _batches_done(trainer: L.Trainer) -> int:
    """Number of batches done in the current epoch: not 0 if a run resumes in the middle of it."""
    return trainer.fit_loop.epoch_loop.batch_progress.current.completed
