"""A data set of noise, for tests of tasks."""

from typing import ClassVar

import torch

from leyden import InMemoryImages, Split

CLASSES = ("a", "b", "c", "d")


class MadeImages(InMemoryImages):
    """40 + 12 images of noise."""

    INPUT_SHAPE: ClassVar = (1, 6, 6)

    def load(self, train: bool) -> Split:
        size = 40 if train else 12
        images = torch.randint(0, 256, (size, 1, 6, 6), generator=torch.Generator().manual_seed(size)).byte()
        return images, torch.arange(size) % 4

    @property
    def class_names(self) -> tuple[str, ...]:
        return CLASSES
