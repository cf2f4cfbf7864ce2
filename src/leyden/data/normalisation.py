"""Normalisation of images: their mean and standard deviation, and the transform to the inputs of a network."""

from typing import Protocol

import torch
from torch import Generator, Tensor

from leyden.data.spec import DataSpec


class Augmentation(Protocol):
    """Random changes to a batch of training images."""

    @property
    def active(self) -> bool:
        """True if anything is changed at all."""

    def __call__(self, images: Tensor, generator: Generator, /) -> Tensor:
        """Change (B, C, H, W) values in [0, 1], with random numbers of `generator` only."""


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
