"""What every datamodule is: settings of batches and splits, and the facts that it publishes."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Unpack

import lightning.pytorch as pl
import torch
from torch import Tensor

from leyden.data.digests import Digests, ItemDigests
from leyden.data.loader import Batch, Loader, Order
from leyden.data.recorded_split import RecordedSplit
from leyden.data.spec import DataSpec
from leyden.data.splits import count, fold_split, nothing_left, stratified_split
from leyden.system.errors import UserError


class DataModule(pl.LightningDataModule):
    """A LightningDataModule that tells a model what it needs to know, once it is set up.

    Args:
        batch_size: of training, for each process.
        eval_batch_size: of validation and test, where no gradients take memory.
        val_size: how much of what there is to train on is used for validation: a count, or a fraction below 1; 0 for
            nothing.
        train_size: how much of what is left to train on, likewise; null for all.
        fold: which of `folds` equal parts is held out, from 0; null for no folds. Where the data come with a test set,
            a fold takes the place of the validation split; otherwise it takes that of the test split.
        folds: how many parts there are.
        seed: of the order and of random changes.
        split_seed: of the splits, which are stratified by class and depend on nothing else.

    Attributes:
        trained: the facts that a network was trained with, where there is one already: inputs are then normalised and
            encoded as it knows them, and not by what is found in these data.
        recorded: the split of a run that is resumed or evaluated; its items stay in their splits, whatever has been
            added to the data since.
        items: digests (N,) of the items of each split, by which a run records its split; empty where the items of these
            data cannot be recognised.
        inputs: likewise, of their inputs without their targets.
        missing_items: how many recorded items of each split are not in these data, or have changed.
        is_other: whether none of the recorded items is in these data.
        target_kind: classification or regression where the task needs one of the two; None where it takes any data.
        class_order: the classes of a run that is resumed, in the order of its logits; empty otherwise.
    """

    ITEM: ClassVar[str] = "input"  # what a name of `item_names` is of, at the head of a column of predictions
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
        """The facts that a model is built from."""

    @abstractmethod
    def describe(self) -> str:
        """What there is, with the size of each split, in one line."""

    @abstractmethod
    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        """The batches of train, val or test; as they are stored unless an order is given."""

    @property
    @abstractmethod
    def augmented(self) -> bool:
        """Whether an input of the training split differs from one epoch to the next."""

    @property
    def identified_by(self) -> Sequence[str]:
        """What the digests of items are made of: the columns of a table beside its targets, or a word or two."""
        return ("values",)

    def item_names(self, split: str) -> Sequence[str] | None:
        """The name of each item of a split, such as its file or its line in one; None where it has a number only."""
        return None

    def divide(
        self,
        labels: Tensor,
        parts: Mapping[str, Tensor],
        test_size: float = 0.0,
        digests: ItemDigests | None = None,
    ) -> dict[str, Tensor]:
        """Divide the items into train, val and test. What the data do not come with is taken from the training part.

        Where there are both a validation and a test set, a fold is taken of training and validation items together.
        Where there is a recorded split, its items are found by their digests; what it does not have is `new`.

        Args:
            labels: (N,) class indices of all items; all the same where there are no classes.
            parts: the items (M,) of each part that the data come in: train and, where there are such, val and test.
            test_size: a count, or a fraction below 1; 0 for nothing.
            digests: of all items; None where they cannot be recognised.

        Raises:
            UserError: a size is more than there is, or nothing, or nothing is left to train on.
        """
        if digests is None or self.recorded is None or not self.recorded.is_kept:
            rows = self._drawn(labels, parts, test_size)
        else:
            rows = self._divide_again(self.recorded, labels, parts, test_size, digests.items)
        if digests is not None:
            for split, chosen in rows.items():
                self.note_items(split, digests, chosen)
        return rows

    def note_items(self, split: str, digests: ItemDigests, rows: Tensor | None = None) -> None:
        """Keep the digests of a split: of some rows, or of all."""
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
            drawn, refused = self._drawn(labels, parts, test_size), None
        except UserError as error:  # there are fewer items than there were, and no other division of them is needed
            drawn, refused = {split: parts.get(split, torch.arange(0)) for split in ("train", "val", "test")}, error
        if self.fold is not None and "val" in parts and "test" in parts:  # folds are made of both
            parts = {"train": torch.cat([parts["train"], parts["val"]]), "test": parts["test"]}
        division = recorded.divide(drawn, parts, digests)
        self.missing_items, self.is_other = division.missing, not division.is_same
        if refused and self.is_other:
            raise refused
        return division.rows

    def _drawn(self, labels: Tensor, parts: Mapping[str, Tensor], test_size: float) -> dict[str, Tensor]:
        """The rows of train, val and test that a new run has."""
        rest, val, test = parts["train"], parts.get("val"), parts.get("test")
        if self.fold is not None:
            if val is not None and test is not None:
                rest, val = torch.cat([rest, val]), None
            left, held_out = fold_split(labels[rest], self.fold, self.folds, self.split_seed)
            rest, held_out = rest[left], rest[held_out]
            val, test = (held_out, test) if test is not None else (val, held_out)
        sizes = {"test_size": test_size} if test is None and test_size else {}
        sizes |= {"val_size": self.val_size} if val is None else {}
        total = len(rest)
        if test is None:
            rest, test = self._take(rest, labels, test_size, "data.test_size")
        if val is None:
            rest, val = self._take(rest, labels, self.val_size, "data.val_size")
        if self.train_size is not None:
            rest = self._take(rest, labels, self.train_size, "data.train_size")[1]
        if not len(rest):
            raise nothing_left(total, sizes if self.train_size != 0 else {"train_size": 0})
        return {"train": rest, "val": val, "test": test}

    def _take(self, items: Tensor, labels: Tensor, size: float, name: str) -> tuple[Tensor, Tensor]:
        left, taken = stratified_split(labels[items], count(size, len(items), name), self.split_seed)
        return items[left], items[taken]

    def size_of_batches(self, split: str) -> int:
        """How many items a batch of this split has."""
        return self.batch_size if split == "train" else self.eval_batch_size

    def order(self, split: str) -> Order:
        """How the batches of a split are ordered, and where they are handed out."""
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
        return batch  # the loader has made it there; looking through it again would take a twentieth of a millisecond


def _batches_done(trainer: pl.Trainer) -> int:
    """How many batches of the current epoch there have been: none, but where a run goes on in its middle."""
    return trainer.fit_loop.epoch_loop.batch_progress.current.completed
