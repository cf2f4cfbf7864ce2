"""Picture data sets that fit in memory."""

import logging
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Generator, Tensor

from leyden.data.augment import Augment
from leyden.data.loader import Batch, TensorLoader
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.data.splits import count, stratified_split
from leyden.errors import UserError

log = logging.getLogger(__name__)
Split = tuple[Tensor, Tensor]


class InMemoryImages(DataModule):
    """Pictures held as uint8 tensors (N, C, H, W), with one class each.

    A subclass says how to `load` the official training and test parts. The validation split is taken from the training
    part; the test part is never touched before it is tested. Mean and standard deviation are those of the training
    split.

    Args:
        root: the folder that holds, or will hold, the data set's own folder.
        batch_size: of training, for each process.
        eval_batch_size: of validation and test, where no gradients take memory.
        val_size: how much of the training part to validate on: a count, or a fraction below 1; 0 for nothing.
        train_size: how much of what is left to train on, likewise; null for all.
        augment: random changes to training pictures.
        seed: of the order and the augmentation.
        split_seed: of the splits, which are stratified by class and depend on nothing else.
    """

    INPUT_SHAPE: ClassVar[tuple[int, int, int]]

    def __init__(
        self,
        root: str,
        batch_size: int = 64,
        eval_batch_size: int = 1024,
        val_size: float = 0.1,
        train_size: float | None = None,
        augment: Augment | None = None,
        seed: int = 0,
        split_seed: int = 0,
    ) -> None:
        super().__init__()
        self.root = root
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.val_size, self.train_size = val_size, train_size
        self.augment = augment
        self.seed, self.split_seed = seed, split_seed
        self.splits: dict[str, Split] = {}

    @abstractmethod
    def load(self, train: bool) -> Split:
        """The official training or test part: uint8 (N, C, H, W) and int64 (N,).

        Raises:
            UserError: the files are not there and cannot be fetched.
        """

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]: ...

    def prepare_data(self) -> None:
        self.load(train=True)
        self.load(train=False)

    def setup(self, stage: str | None = None) -> None:
        if "train" not in self.splits:
            images, labels = self.load(train=True)
            val_count = count(self.val_size, len(labels), "data.val_size")
            train, val = stratified_split(labels, val_count, self.split_seed)
            if self.train_size is not None:
                wanted = count(self.train_size, len(train), "data.train_size")
                train = train[stratified_split(labels[train], wanted, self.split_seed)[1]]
            if not len(train):
                raise UserError(
                    f"data.val_size={self.val_size}, data.train_size={self.train_size}: nothing is left to train on"
                )
            self.splits["train"] = images[train], labels[train]
            self.splits["val"] = images[val], labels[val]
            self._measure()
        if "test" not in self.splits:
            self.splits["test"] = self.load(train=False)

    def _measure(self) -> None:
        """Mean and standard deviation of each channel of the training split, in [0, 1]."""
        total = torch.zeros(self.INPUT_SHAPE[0], dtype=torch.float64)
        squares = torch.zeros_like(total)
        images = self.splits["train"][0]
        for start in range(0, len(images), 4096):
            values = images[start : start + 4096].float()
            total += values.sum(dim=(0, 2, 3), dtype=torch.float64)
            squares += values.square().sum(dim=(0, 2, 3), dtype=torch.float64)
        pixels = images.numel() / images.shape[1]
        mean = total / pixels
        std = (squares / pixels - mean.square()).clamp(min=0).sqrt()
        self._mean, self._std = (mean / 255).tolist(), [s / 255 or 1.0 for s in std.tolist()]

    @property
    def spec(self) -> DataSpec:
        return DataSpec(
            task="classification",
            input_shape=self.INPUT_SHAPE,
            output_size=len(self.class_names),
            class_names=self.class_names,
            mean=tuple(self._mean),
            std=tuple(self._std),
        )

    def describe(self) -> str:
        sizes = ", ".join(f"{len(labels):,} {name}" for name, (_, labels) in self.splits.items())
        shape = "×".join(map(str, self.INPUT_SHAPE))
        return f"{type(self).__name__}: {sizes}; {shape} pictures of {len(self.class_names)} classes"

    def train_dataloader(self) -> TensorLoader:
        augment = self.augment if self.augment and self.augment.active else None
        overfit = bool(getattr(self.trainer, "overfit_batches", 0))  # the same few batches again and again
        return self._loader("train", self.batch_size, shuffle=not overfit, augment=augment)

    def val_dataloader(self) -> TensorLoader | list[TensorLoader]:
        return self._loader("val", self.eval_batch_size) if len(self.splits["val"][1]) else []

    def test_dataloader(self) -> TensorLoader:
        return self._loader("test", self.eval_batch_size)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch  # the loader has made it there; looking through it again would take a twentieth of a millisecond

    def _loader(
        self, split: str, batch_size: int, shuffle: bool = False, augment: Augment | None = None
    ) -> TensorLoader:
        trainer = self.trainer
        return TensorLoader(
            *self.splits[split],
            batch_size,
            Normalise(self.spec, augment),
            shuffle=shuffle,
            seed=self.seed,
            epoch=(lambda: trainer.current_epoch) if trainer else None,
            device=trainer.strategy.root_device if trainer else "cpu",
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )


class Normalise:
    """From stored pictures, uint8 (B, C, H, W), to what the network takes: floats of mean 0 and deviation 1."""

    def __init__(self, spec: DataSpec, augment: Augment | None = None) -> None:
        self.augment = augment
        std = torch.tensor(spec.std).view(-1, 1, 1)
        self.scale, self.shift = 1 / std, -torch.tensor(spec.mean).view(-1, 1, 1) / std

    def __call__(self, pictures: Tensor, generator: Generator) -> Tensor:
        if self.scale.device != pictures.device:
            self.scale, self.shift = self.scale.to(pictures.device), self.shift.to(pictures.device)
        if self.augment:
            return self.augment(pictures.float().div_(255), generator).mul(self.scale).add_(self.shift)
        return pictures.float().mul_(self.scale / 255).add_(self.shift)
