"""Images from files: decoded in each epoch by workers, or once and held in memory."""

import logging
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Unpack

import torch
from torch import Tensor
from torchvision.transforms import v2

from leyden.data.digests import Digests, with_labels
from leyden.data.image_files.decoding import Channels, Decoder, Read, allocate, centre_crop, size_of
from leyden.data.image_files.levels import Levels
from leyden.data.images import Images
from leyden.data.in_memory import Split
from leyden.data.loader import Loader, Order
from leyden.data.spec import DataSpec
from leyden.data.stored_images import shape_of
from leyden.data.threads import in_threads
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for

log = logging.getLogger(__name__)
_SAMPLE = 2000  # images; mean and deviation are then known to within 0.01
_MOST = 2 << 30  # bytes of images that are held in memory by default


class DecodedImages(Images):
    """Image files with one class each, cut to one size.

    A subclass implements `find`. A split that the data do not come with is taken from the training part: the test split
    by `test_size`, then the validation split by `val_size`. For folds, see DataModule: if there is an official test set
    too, folds are made of training and official validation images. Mean and standard deviation are those of the
    training split before any random change; if it is not held in memory, of 2,000 of its images.

    Args:
        root: the folder of the images.
        size: height and width of the network's input; null for images that come in one size, which is kept.
        resize: the shorter side before `eval_transform` crops the centre; null for `size`.
        channels: 3 for colour, 1 for grey.
        train_transform: transforms of single training images: see `build_steps`. They make a PIL image of `size` from
            one of any size; null for RandomResizedCrop. Random changes that can be made to a whole batch are quicker
            as `augment`.
        eval_transform: the same for validation and test, without random ones; null for Resize and CenterCrop.
        cache: decode each image once, also those to train on, with `eval_transform`, and hold it in memory; null: if
            there is no `train_transform` and all take 2 GiB at most.
        test_size: of the test split, if the data come without one: a count, or a fraction below 1.

    The others are those of Images.

    Attributes:
        numbers: (N,) of the images of each split, as `find` numbers them.
        levels: black and white of images with more than 8 bits in each channel, which transforms get as float32
            (C, H, W) instead of as PIL images; None if all have 8 bits.
    """

    levels: Levels | None = None

    def __init__(
        self,
        root: str,
        size: int | None = 224,
        resize: int | None = None,
        channels: Channels = 3,
        train_transform: list[Any] | None = None,
        eval_transform: list[Any] | None = None,
        cache: bool | None = False,
        test_size: float = 0.2,
        **settings: Any,
    ) -> None:
        super().__init__(root, train_transform=train_transform, eval_transform=eval_transform, **settings)
        if size is not None and size < 1:
            raise UserError(f"data.size={size}: must be at least 1")
        if resize is not None and (size is None or resize < size):
            raise UserError(f"data.resize={resize}: must be at least data.size={size}, which is cropped out of it")
        if cache and self.transforms.train is not None:
            raise UserError(
                "data.train_transform: would see each image once only, with data.cache=true; use data.augment, or "
                "data.cache=false"
            )
        self.size, self.channels = size, channels
        self.resize = resize or size
        self.cache, self.test_size = cache, test_size
        self._is_cached = bool(cache)
        self.numbers: dict[str, Tensor] = {}

    @abstractmethod
    def find(self) -> tuple[Read, dict[str, Split]]:
        """The reader of an image by its number, and the parts that the data come in.

        The parts are train and, if there are such, val and test: each the numbers (N,) of its images, and their labels
        (N,).

        Raises:
            UserError: the files do not exist, or are not as they should be.
        """

    def digests(self, numbers: Tensor) -> Digests | None:
        """Digests (N,) of the files of some images, by their numbers; None if they cannot be recognised."""
        return None

    @cached_property
    def found(self) -> tuple[Read, dict[str, Split]]:
        read, parts = self.find()
        return read, {name: self.chosen(part) for name, part in parts.items()}

    @property
    def augmented(self) -> bool:
        return super().augmented or (not self._is_cached and bool(self._steps("train")))

    @cached_property
    def input_shape(self) -> tuple[int, int, int]:
        if self.size is not None:
            return self.channels, self.size, self.size
        read, parts = self.found
        first = int(parts["train"][0][0])
        if not self.transforms.evaluation:
            return self.channels, *size_of(read(first))
        return shape_of(Decoder(read, self.transforms.evaluation, None, "eval_transform", self._dtype), first)

    @property
    def spec(self) -> DataSpec:
        spec = replace(super().spec, resize=self.resize)
        if self.levels is None:
            return spec
        black_and_white = (self.levels.black, self.levels.white)
        return replace(spec, value_range=black_and_white, mixed_depths=self.levels.mixed)

    def prepare_data(self) -> None:
        if not self.splits:
            self.found  # noqa: B018  (downloads, or checks)

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        self.splits = self._split(self.found[1])
        self.numbers = {split: numbers for split, (numbers, _) in self.splits.items()}
        self.choose_levels()
        self.warn_of_absent_classes()
        self._is_cached = self._is_to_be_cached() if self.cache is None else self.cache
        numbers, _ = self.splits["train"]
        if self.transforms.evaluation:
            self.transforms.check_evaluation(self.found[0](int(numbers[0])))
        if self._is_cached:
            self.splits = {name: (self._decoded(held), of) for name, (held, of) in self.splits.items()}
            images = self.splits["train"][0]
            del self.found  # a data set may keep all that it reads
        else:
            order = torch.Generator().manual_seed(seed_for(self.split_seed, "statistics"))
            sample = numbers[torch.randperm(len(numbers), generator=order)[:_SAMPLE]]
            images = self._decoded(sample if self.transforms.statistics is None else sample[:1])
            shape_of(self._decoder("train"), int(numbers[0]))  # reports a transform that makes something else
        self._measure(images)

    def choose_levels(self) -> None:
        """Set `levels`, once the splits are known; by default all images have 8 bits in each channel."""

    @property
    def _dtype(self) -> torch.dtype:
        return torch.uint8 if self.levels is None else torch.float32

    def _split(self, parts: dict[str, Split]) -> dict[str, Split]:
        numbers, labels = (torch.cat([part[place] for part in parts.values()]) for place in (0, 1))
        sizes = [len(of) for _, of in parts.values()]
        items = dict(zip(parts, torch.split(torch.arange(len(labels)), sizes), strict=True))
        inputs = self.digests(numbers)
        digests = None if inputs is None else with_labels(inputs, labels, self.ordered_classes)
        chosen = self.divide(labels, items, self.test_size, digests)
        return {split: (numbers[rows], labels[rows]) for split, rows in chosen.items()}

    def _is_to_be_cached(self) -> bool:
        size = sum(len(labels) for _, labels in self.splits.values())
        size *= math.prod(self.input_shape) * self._dtype.itemsize
        held = self.transforms.train is None and size <= _MOST
        how = "decoded once and held in memory" if held else "decoded anew for each epoch"
        log.info("data.cache=null: %d MiB of images are %s", size >> 20, how)
        return held

    def _steps(self, split: str) -> Sequence[Any]:
        """Transforms of a split, in their order."""
        if split == "train":
            usual = [] if self.size is None else [v2.RandomResizedCrop(self.size)]
            return [*(usual if self.transforms.train is None else self.transforms.train), *self.transforms.after_train]
        if self.transforms.evaluation is None and self.size is not None:
            return centre_crop(self.resize or self.size, self.size)
        return self.transforms.evaluation or []

    def _decoder(self, split: str) -> Decoder:
        name = "train_transform" if split == "train" else "eval_transform"
        remedy = "" if self.size is None else f"; data.size={self.size} must be that size"
        return Decoder(self.found[0], self._steps(split), self.input_shape, name, self._dtype, remedy)

    def _decoded(self, numbers: Tensor) -> Tensor:
        """Images (N, C, H, W), transformed as in evaluation."""
        decode = self._decoder("val")
        images = allocate(len(numbers), self.input_shape, self._dtype)
        for place, image in enumerate(in_threads(decode, numbers.tolist(), "Decoding images")):
            images[place] = image
        return images

    def loader(self, split: str, **order: Unpack[Order]) -> Loader:
        if self._is_cached:
            return super().loader(split, **order)
        return self._worker_loader(split, self._decoder(split), *self.splits[split], order)
