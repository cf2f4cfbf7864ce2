"""Transforms of an image data set by its settings: of training, of evaluation, and the statistics that they state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from leyden.data.image_files.decoding import DecodedImage
from leyden.data.transforms import Step, apply, build_steps, inner_steps
from leyden.data.workers import random_numbers_kept, seed_item
from leyden.system.errors import UserError
from leyden.system.override_text import as_text

Statistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation of each channel
TRAIN, EVAL = "data.train_transform", "data.eval_transform"


class ImageTransforms:
    """Transforms of single images, from the settings of a data set.

    Normalize, at the end of a list, is none of them: its statistics replace the measured ones, for all splits.

    Args:
        train: entries of `data.train_transform`; see `build_steps`.
        evaluation: entries of `data.eval_transform`.
        randaugment: True or its arguments, for RandAugment after the transforms of training.

    Attributes:
        train: None for those that the data set has by default.
        evaluation: likewise.
        after_train: RandAugment, or nothing.
        statistics: None if there is no Normalize.
        is_alike: True if training has no transforms of its own.

    Raises:
        UserError: a transform does not exist or refuses its arguments, or the statistics of the lists differ.
    """

    def __init__(
        self,
        train: Sequence[Any] | None = None,
        evaluation: Sequence[Any] | None = None,
        randaugment: bool | Mapping[str, Any] | None = None,
    ) -> None:
        self.train, of_train = _split(train, TRAIN)
        self.evaluation, of_evaluation = _split(evaluation, EVAL)
        if of_train and of_evaluation and of_train != of_evaluation:
            raise UserError(
                f"{TRAIN}: Normalize is {_in_words(of_train)}, and in {EVAL} {_in_words(of_evaluation)}; a network "
                "needs the same for both"
            )
        self.statistics = of_train or of_evaluation
        self.is_alike = train is None or train == evaluation or not (self.train or self.evaluation)
        arguments = randaugment if isinstance(randaugment, Mapping) else None
        chosen = [] if randaugment is None or randaugment is False else [{"RandAugment": arguments}]
        self.after_train = build_steps(chosen, "data.randaugment")

    def statistics_of(self, channels: int) -> Statistics | None:
        """Mean and deviation of so many channels; None if there is no Normalize.

        Raises:
            UserError: they are for another number of channels.
        """
        if self.statistics is None:
            return None
        mean, std = (values * channels if len(values) == 1 else values for values in self.statistics)
        if len(mean) != channels or len(std) != channels:
            raise UserError(
                f"{EVAL if self.train is None else TRAIN}: Normalize has {len(mean)} means and {len(std)} deviations, "
                f"and the images {channels} channel{'s' if channels > 1 else ''}; give one of each for each channel"
            )
        return mean, std

    def check_evaluation(self, image: DecodedImage) -> None:
        """Refuse, with a UserError, transforms of evaluation that change an image of this kind and size at random."""
        seen: Any = _noise_like(image)
        for step in self.evaluation or []:
            chances = [getattr(each, "p", None) for each in inner_steps(step)]
            results = [_with_seed(seed, step, seen) for seed in range(3)]
            is_same = all(_equal(results[0], other) for other in results[1:])
            if not is_same or any(isinstance(chance, float) and 0 < chance < 1 for chance in chances):
                name = type(step).__name__
                raise UserError(
                    f"{EVAL}: {name} changes images at random, and evaluation must give the same result each time; set "
                    f"it in {TRAIN} only"
                )
            seen = results[0]


def evaluation_steps(entries: Sequence[Any] | None) -> list[Step] | None:
    """Transforms of evaluation by their setting; None for the default ones.

    Raises:
        UserError: see `ImageTransforms`.
    """
    return ImageTransforms(evaluation=entries).evaluation


def _split(entries: Sequence[Any] | None, setting: str) -> tuple[list[Step] | None, Statistics | None]:
    """Transforms of a list without Normalize and conversions at the end, and the statistics of Normalize."""
    if entries is None:
        return None, None
    steps, statistics = build_steps(entries, setting), None
    if steps and isinstance(last := steps[-1], v2.Normalize):
        del steps[-1]
        statistics = tuple(map(float, last.mean)), tuple(map(float, last.std))
        if not all(value > 0 for value in statistics[1]):
            raise UserError(f"{setting}: Normalize: std={as_text(list(last.std))} must be greater than 0")
    if any(isinstance(step, v2.Normalize) for step in steps):
        raise UserError(
            f"{setting}: Normalize must be the last of the list, once: images are normalised after all other changes"
        )
    while steps and _only_converts(steps[-1]):
        del steps[-1]
    return steps, statistics


def _only_converts(step: Step) -> bool:
    """True for a conversion that keeps the values of an image of 8 bits."""
    if isinstance(step, v2.ToDtype | v2.ConvertImageDtype):
        is_float = isinstance(step.dtype, torch.dtype) and step.dtype.is_floating_point
        return is_float and getattr(step, "scale", True)
    if isinstance(step, v2.Compose):
        return all(map(_only_converts, step.transforms))
    return isinstance(step, v2.ToImage | v2.PILToTensor | v2.ToPureTensor | v2.Identity)


def _in_words(statistics: Statistics) -> str:
    mean, std = (as_text(list(values)) for values in statistics)
    return f"mean {mean}, std {std}"


def _noise_like(image: DecodedImage) -> DecodedImage:
    """Noise as an image of the same kind and size: no random change leaves it as it is."""
    random = np.random.default_rng(0)
    if isinstance(image, Image.Image):
        noise = random.integers(0, 256, np.asarray(image).shape, dtype=np.uint8)
        return Image.fromarray(noise)
    values = torch.from_numpy(random.random(tuple(image.shape), dtype=np.float32))
    return values if image.is_floating_point() else values.mul(256).to(image.dtype)


def _with_seed(seed: int, step: Step, image: Any) -> Any:
    with random_numbers_kept():
        seed_item(seed)
        return apply(step, image, EVAL)


def _equal(image: Any, other: Any) -> bool:
    one, two = (torch.from_numpy(np.array(each)) if isinstance(each, Image.Image) else each for each in (image, other))
    if not isinstance(one, Tensor) or not isinstance(two, Tensor):
        return True  # no images, which is reported when one is used
    return torch.equal(one, two)
