"""Base classes of image data sets, with classes, augmentation and normalisation."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Unpack
from weakref import WeakSet

import torch
from torch import Tensor

from leyden.data.abbreviated import abbreviated
from leyden.data.classes import in_known_order, warn_of_absent_classes
from leyden.data.digests import ItemDigests, tensor_digests, with_labels
from leyden.data.image_files.decoding import Decoder
from leyden.data.in_memory import InMemory, Split
from leyden.data.loader import Loader, Order, Transform
from leyden.data.mixing import Mixing
from leyden.data.normalisation import Augmentation, Normalise, channel_statistics
from leyden.data.spec import DataSpec
from leyden.data.stored_images import StoredImages, check_shapes, shape_of, transformed
from leyden.data.transform_settings import ImageTransforms
from leyden.data.transforms import Step
from leyden.data.workers import WorkerLoader, workers_for
from leyden.system.errors import UserError
from leyden.system.override_text import setting
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


class Images(InMemory):
    """Images (C, H, W) with one class each, stored as uint8.

    In training: `train_transform`, `randaugment`, `augment`, normalisation, then `mixup` or `cutmix`.

    Args:
        root: the folder that holds, or will hold, the data set's own folder.
        classes: names of the classes to keep, in this order; null for all.
        augment: random changes to whole batches of training images, on the device.
        train_transform: transforms of single training images, in worker processes: see `build_steps`. Each gets a PIL
            image, unless one before has made a tensor of it. Random numbers are a function of seed, epoch and item.
            Null for those of evaluation.
        eval_transform: the same for validation and test, without random ones. Both lists must make images of one size.
        randaugment: true, or arguments of torchvision's RandAugment, for single training images.
        mixup: alpha of MixUp, which mixes the images of a training batch and their classes; 0 for none.
        cutmix: alpha of CutMix, likewise; if both are set, each batch is mixed by one of them.
        num_workers: processes that transform or decode, for each split; null for the number of CPUs, up to 8, or for
            none if there is little to do.

    The others are those of DataModule.
    """

    LIMITS: ClassVar = {"mixup": ">= 0", "cutmix": ">= 0"}
    _mean: tuple[float, ...]
    _std: tuple[float, ...]

    def __init__(
        self,
        root: str,
        classes: list[str | int] | None = None,
        augment: Augmentation | None = None,
        train_transform: list[Any] | None = None,
        eval_transform: list[Any] | None = None,
        randaugment: bool | dict[str, Any] | None = None,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        num_workers: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.root = root
        self.classes = None if classes is None else [str(name) for name in classes]
        self.augment = augment if augment and augment.active else None
        self.transforms = ImageTransforms(train_transform, eval_transform, randaugment)
        self.mixup, self.cutmix, self.num_workers = mixup, cutmix, num_workers
        self._loaders: WeakSet[WorkerLoader] = WeakSet()

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
        return bool(self.augment or self.mixup or self.cutmix or self.transforms.after_train)

    def random_changes(self) -> tuple[list[Step], Tensor]:
        """Transforms of single training images that are held in memory, and these images (N, C, H, W)."""
        return self.transforms.after_train, self.splits["train"][0]

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
        """Set mean and deviation: those of stored images (N, C, H, W), of Normalize, or those that a network knows."""
        known, stated = self.reference_spec, self.transforms.statistics_of(self.input_shape[0])
        if known and stated not in (None, (known.mean, known.std)):
            raise UserError(
                f"data: Normalize has statistics {stated}, and the network was trained with {(known.mean, known.std)}; "
                "give the same, or none"
            )
        self._mean, self._std = (known.mean, known.std) if known else stated or channel_statistics(images)

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

    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        steps, images = self.random_changes() if split == "train" else ([], None)
        if images is None or not steps:
            return self._mixed(split, super().loader(split, **order))
        decode = Decoder(StoredImages(images), steps, self.input_shape, "train_transform", images.dtype)
        labels = self.splits["train"][1]
        return self._worker_loader(split, decode, torch.arange(len(labels)), labels, order)

    def _worker_loader(self, split: str, decode: Decoder, numbers: Tensor, labels: Tensor, order: Order) -> Loader:
        workers = self.num_workers
        if workers is None:
            workers = workers_for(len(labels), self.trainer.num_devices if self.trainer else 1)
        batch_size, transform = self.size_of_batches(split), self.transform(split)
        loader = WorkerLoader(decode, numbers, labels, batch_size, transform, workers, **order)
        self._loaders.add(loader)
        return self._mixed(split, loader)

    def _mixed(self, split: str, loader: Loader) -> Loader:
        if split == "train" and (self.mixup or self.cutmix):
            loader.mix = Mixing(len(self.ordered_classes), self.mixup, self.cutmix)
        return loader

    def teardown(self, stage: str | None = None) -> None:
        for loader in self._loaders:
            loader.close()


class InMemoryImages(Images):
    """Images held as uint8 tensors (N, C, H, W).

    A subclass implements `load`, for the official training and test parts. The validation split, or a fold, is taken
    from the training part; the test part is used for the test only. Mean and standard deviation are those of the
    training split. The arguments are those of Images.
    """

    INPUT_SHAPE: ClassVar[tuple[int, int, int]]
    _shape: tuple[int, int, int] | None = None  # after eval_transform
    _unchanged: Tensor | None = None  # images of the training split, if they have transforms of their own

    @abstractmethod
    def load(self, train: bool) -> Split:
        """The official training or test part: uint8 (N, C, H, W) and int64 (N,).

        Raises:
            UserError: the files do not exist and cannot be downloaded.
        """

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self._shape or self.INPUT_SHAPE

    @property
    def spec(self) -> DataSpec:
        return replace(super().spec, stored_shape=self.INPUT_SHAPE if self._shape else None)

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
            held = {split: (images[of], labels[of]) for split, of in rows.items() if split != "test"}
            self._check_transforms(held["train"][0])
            self.splits |= {split: (self._evaluated(images), of) for split, (images, of) in held.items()}
            self._measure(self.splits["train"][0])
        if "test" not in self.splits:
            images, labels = self.chosen(self.load(train=False))
            self.splits["test"] = self._evaluated(images), labels
            self.note_items("test", self._digests(images, labels))
            self.warn_of_absent_classes()

    def _check_transforms(self, images: Tensor) -> None:
        """Set the shape that transforms make of stored images (N, C, H, W), and refuse those that cannot be used."""
        transforms, read = self.transforms, StoredImages(images)
        if transforms.evaluation:
            transforms.check_evaluation(read(0))
            self._shape = shape_of(Decoder(read, transforms.evaluation, None, "eval_transform", images.dtype))
        if not transforms.is_alike:
            self._unchanged = images
            made = shape_of(Decoder(read, transforms.train or [], None, "train_transform", images.dtype))
            check_shapes(made, self.input_shape, None if self._shape else self.INPUT_SHAPE)

    def _evaluated(self, images: Tensor) -> Tensor:
        """Stored images (N, C, H, W) after `eval_transform`."""
        steps = self.transforms.evaluation
        if not steps:
            return images
        decode = Decoder(StoredImages(images), steps, self.input_shape, "eval_transform", images.dtype)
        return transformed(decode, len(images))

    @property
    def augmented(self) -> bool:
        return super().augmented or self._unchanged is not None

    def random_changes(self) -> tuple[list[Step], Tensor]:
        steps, images = super().random_changes()
        if self._unchanged is None:
            return steps, images
        return [*(self.transforms.train or []), *steps], self._unchanged

    def _digests(self, images: Tensor, labels: Tensor) -> ItemDigests:
        return with_labels(tensor_digests(images), labels, self.ordered_classes)


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
