"""A small image data set like MNIST, of noise and without files, and functions for the transform Lambda."""

from typing import Any, ClassVar

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from leyden.data.images import InMemoryImages
from leyden.data.in_memory import Split


class Noise(InMemoryImages):
    """60 + 12 grey images in three classes."""

    INPUT_SHAPE: ClassVar = (1, 28, 28)

    def load(self, train: bool) -> Split:
        size = 60 if train else 12
        generator = torch.Generator().manual_seed(size)
        return torch.randint(0, 256, (size, *self.INPUT_SHAPE), generator=generator).byte(), torch.arange(size) % 3

    @property
    def class_names(self) -> tuple[str, ...]:
        return "a", "b", "c"


class ColourNoise(Noise):
    """The same in colour."""

    INPUT_SHAPE: ClassVar = (3, 28, 28)


def noise(kind: type[Noise] = Noise, **settings: Any) -> Noise:
    """Data set with 12 validation images, set up."""
    data = kind("", **{"val_size": 12, "batch_size": 16, "num_workers": 0} | settings)
    data.prepare_data()
    data.setup()
    return data


def pixels_of(data: Any, split: str) -> Tensor:
    """Images (N, C, H, W) of an epoch as integers, in its order."""
    loader = data.train_dataloader() if split == "train" else data.loader(split)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.spec.mean, data.spec.std))
    return torch.cat([((images * std + mean) * 255).round().int() for images, _ in loader])


def invert(image: Any) -> Any:
    """The negative of an image."""
    return F.invert(image)


def fail(image: Any) -> Any:
    raise ZeroDivisionError("a bug in the project")


def _private(image: Any) -> Any:
    return image
