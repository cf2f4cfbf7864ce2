"""Base classes of image data sets, with classes, augmentation and normalisation."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Generator, Tensor

from leyden.data.abbreviated import abbreviated
from leyden.data.classes import in_known_order, warn_of_absent_classes
from leyden.data.digests import ItemDigests, tensor_digests, with_labels
from leyden.data.in_memory import InMemory, Split
from leyden.data.loader import Transform
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.system.override_text import setting
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


class Augmentation(Protocol):
    """Random changes to a batch of training images."""

    @property
    def active(self) -> bool:
        """True if anything is changed at all."""

    def __call__(self, images: Tensor, generator: Generator, /) -> Tensor:
        """Change (B, C, H, W) values in [0, 1], with random numbers of `generator` only."""


class Images(InMemory):
    """Images (C, H, W) with one class each, stored as uint8.

    Args:
        root: the folder that holds, or will hold, the data set's own folder.
        classes: names of the classes to keep, in this order; null for all.
        augment: random changes to training images.

    The others are those of DataModule.
    """

    _mean: tuple[float, ...]
    _std: tuple[float, ...]

    def __init__(
        self, root: str, classes: list[str | int] | None = None, augment: Augmentation | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.root = root
        self.classes = None if classes is None else [str(name) for name in classes]
        self.augment = augment if augment and augment.active else None

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """Class names of the whole data set, in the order of its labels."""

    @property
    def ordered_classes(self) -> tuple[str, ...]:
        """Names of the classes to predict, in the order of the logits: that of a network which knows the same ones."""
        known = self.reference_spec.class_names if self.reference_spec else self.class_order
        own = self.classes or self.class_names
        if self.recorded and known and set(known) < set(own):
            return known  # images of classes that the run did not have are left out
        return in_known_order(own, known)

    @property
    def augmented(self) -> bool:
        return self.augment is not None

    def chosen(self, split: Split) -> Split:
        """The images of the chosen classes, with labels that are indices of these."""
        if self.ordered_classes == self.class_names:
            return split
        images, labels = split
        old = torch.tensor(class_indices(self.ordered_classes, self.class_names))
        is_kept = labels[:, None] == old
        kept = is_kept.any(dim=1)
        return images[kept], is_kept[kept].int().argmax(dim=1)

    def _measure(self, images: Tensor) -> None:
        """Set mean and deviation: those of stored images (N, C, H, W), or those that a network knows."""
        known = self.reference_spec
        self._mean, self._std = (known.mean, known.std) if known else channel_statistics(images)

    @property
    def spec(self) -> DataSpec:
        names = self.ordered_classes
        return DataSpec(
            task="classification",
            input_shape=self.input_shape,
            output_size=len(names),
            class_names=names,
            mean=self._mean,
            std=self._std,
        )

    def warn_of_absent_classes(self) -> None:
        """Log the classes that a split lacks, once all splits are known."""
        if others := [name for name in self.classes or self.class_names if name not in self.ordered_classes]:
            log.warning("data: images of classes that the run did not have are left out: %s", abbreviated(others))
        labels = {split: of for split, (_, of) in self.splits.items()}
        warn_of_absent_classes(labels, self.ordered_classes, "images", is_trained=self.reference_spec is not None)

    def describe(self) -> str:
        shape = "×".join(map(str, self.spec.input_shape))
        return f"{type(self).__name__}: {self.sizes()}; {shape}, {self.spec.output_size} classes"

    def transform(self, split: str) -> Transform:
        return Normalise(self.spec, self.augment if split == "train" else None)


class InMemoryImages(Images):
    """Images held as uint8 tensors (N, C, H, W).

    A subclass implements `load`, for the official training and test parts. The validation split, or a fold, is taken
    from the training part; the test part is used for the test only. Mean and standard deviation are those of the
    training split. The arguments are those of Images.
    """

    INPUT_SHAPE: ClassVar[tuple[int, int, int]]

    @abstractmethod
    def load(self, train: bool) -> Split:
        """The official training or test part: uint8 (N, C, H, W) and int64 (N,).

        Raises:
            UserError: the files do not exist and cannot be downloaded.
        """

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self.INPUT_SHAPE

    def prepare_data(self) -> None:
        if self.splits:  # Lightning calls it before each fit and test
            return
        self.load(train=True)
        self.load(train=False)

    def setup(self, stage: str | None = None) -> None:
        if "train" not in self.splits:
            images, labels = self.chosen(self.load(train=True))
            parts = {"train": torch.arange(len(labels)), "test": torch.arange(0)}  # which is loaded separately
            rows = self.divide(labels, parts, digests=self._digests(images, labels))
            self.splits |= {split: (images[of], labels[of]) for split, of in rows.items() if split != "test"}
            self._measure(self.splits["train"][0])
        if "test" not in self.splits:
            self.splits["test"] = self.chosen(self.load(train=False))
            self.note_items("test", self._digests(*self.splits["test"]))
            self.warn_of_absent_classes()

    def _digests(self, images: Tensor, labels: Tensor) -> ItemDigests:
        return with_labels(tensor_digests(images), labels, self.ordered_classes)


class Normalise:
    """Transform from stored images (B, C, H, W), uint8 or float32 from 0 to 1, to floats of mean 0 and deviation 1."""

    def __init__(self, spec: DataSpec, augment: Augmentation | None = None) -> None:
        self.augment = augment
        std = torch.tensor(spec.std).view(-1, 1, 1)
        self.scale, self.shift = 1 / std, -torch.tensor(spec.mean).view(-1, 1, 1) / std

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        if self.scale.device != images.device:
            self.scale, self.shift = self.scale.to(images.device), self.shift.to(images.device)
        values, white = images.to(torch.float32, copy=True), white_of(images)
        if self.augment:
            return self.augment(values.div_(white), generator).mul(self.scale).add_(self.shift)
        return values.mul_(self.scale / white).add_(self.shift)


def _class_hint(name: str, chosen: Sequence[str], names: Sequence[str]) -> str:
    """`; did you mean …?` for a misspelt class, with the others that were chosen."""
    return did_you_mean(name, names, lambda near: setting("data.classes", [near if n == name else n for n in chosen]))


def class_indices(chosen: Sequence[str], names: Sequence[str]) -> list[int]:
    """Indices of the chosen classes among all.

    Raises:
        UserError: one does not exist or is named twice, or only one is chosen.
    """
    for name in chosen:
        if name not in names:
            raise UserError(f"data.classes: there is no class {name}" + _class_hint(name, chosen, names))
    if len(set(chosen)) != len(chosen) or len(chosen) < 2:
        raise UserError(f"data.classes={list(chosen)}: give two or more, each once")
    return [names.index(name) for name in chosen]


def white_of(images: Tensor) -> int:
    """Value of white: 255 of integers, 1 of floats."""
    return 1 if images.is_floating_point() else 255


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of stored (N, C, H, W), in [0, 1]; a constant deviates by 1."""
    white = white_of(images)
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for start in range(0, len(images), 4096):
        values = images[start : start + 4096].float()
        total += values.sum(dim=(0, 2, 3), dtype=torch.float64)
        squares += values.square().sum(dim=(0, 2, 3), dtype=torch.float64)
    pixels = images.numel() / images.shape[1]
    mean = total / pixels
    std = (squares / pixels - mean.square()).clamp(min=0).sqrt()
    return tuple((mean / white).tolist()), tuple(s / white or 1.0 for s in std.tolist())
