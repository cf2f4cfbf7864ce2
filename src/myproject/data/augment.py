"""Random changes to a whole batch of images at once, each image by its own draw, on the device where it lies."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


class Augment:
    """Augmentation of training images. Everything is off unless it is set.

    Order: crop, flips, affine (rotation, translation, scale and shear in one resampling), colour, erasing.

    Args:
        crop_padding: pixels of zeros on each side, of which a window of the old size is cut.
        horizontal_flip: probability.
        vertical_flip: probability.
        rotation: up to so many degrees either way.
        translate: up to this fraction of the side either way.
        scale: zoom by a factor from 1 / (1 + scale) to 1 + scale.
        shear: up to so many degrees either way, along the width.
        brightness: multiply by a factor from 1 − brightness to 1 + brightness.
        contrast: likewise the distance from the image's own mean.
        saturation: likewise the distance from grey; images of three channels only.
        erase: probability of setting a rectangle, of 2 to 33 % of the area, to zero.
            Zhong et al. (2017), Random Erasing Data Augmentation.
    """

    def __init__(
        self,
        crop_padding: int = 0,
        horizontal_flip: float = 0.0,
        vertical_flip: float = 0.0,
        rotation: float = 0.0,
        translate: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        erase: float = 0.0,
    ) -> None:
        self.crop_padding = crop_padding
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rotation, self.translate, self.scale, self.shear = rotation, translate, scale, shear
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation
        self.erase = erase

    @property
    def active(self) -> bool:
        """True if any change is set."""
        return any(vars(self).values())

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change (B, C, H, W) values in [0, 1], with random numbers of `generator` only."""
        if self.crop_padding:
            images = _crop(images, self.crop_padding, generator)
        if self.horizontal_flip:
            images = _where(self.horizontal_flip, images.flip(3), images, generator)
        if self.vertical_flip:
            images = _where(self.vertical_flip, images.flip(2), images, generator)
        if self.rotation or self.translate or self.scale or self.shear:
            images = self._affine(images, generator)
        if self.brightness or self.contrast or self.saturation:
            images = self._colour(images, generator)
        if self.erase:
            images = _erase(images, self.erase, generator)
        return images

    def _affine(self, images: Tensor, generator: Generator) -> Tensor:
        number, _, height, width = images.shape
        turn, shear, zoom, right, down = _draw(5, number, generator)
        turn, shear = turn * math.radians(self.rotation), torch.tan(shear * math.radians(self.shear))
        zoom = (1 + self.scale) ** -zoom  # grid_sample asks where a pixel comes from: the inverse map
        cos, sin, ratio = zoom * torch.cos(turn), zoom * torch.sin(turn), height / width
        theta = torch.stack(  # in coordinates from −1 to 1 along each side, so a turn is corrected for the side ratio
            [
                torch.stack([cos, (cos * shear - sin) * ratio, 2 * self.translate * right], dim=1),
                torch.stack([sin / ratio, sin * shear + cos, 2 * self.translate * down], dim=1),
            ],
            dim=1,
        )
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)

    def _colour(self, images: Tensor, generator: Generator) -> Tensor:
        bright, contrast, saturate = 1 + _draw(3, len(images), generator)[:, :, None, None, None] * torch.tensor(
            [self.brightness, self.contrast, self.saturation], device=images.device
        ).view(3, 1, 1, 1, 1)
        images = images * bright
        if self.contrast:
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
            images = mean + (images - mean) * contrast
        if self.saturation and images.shape[1] == 3:
            weights = torch.tensor([0.299, 0.587, 0.114], device=images.device).view(3, 1, 1)  # ITU-R BT.601 luma
            grey = (images * weights).sum(dim=1, keepdim=True)
            images = grey + (images - grey) * saturate
        return images.clamp(0, 1)


def _draw(rows: int, number: int, generator: Generator) -> Tensor:
    """(rows, number) uniform values in [−1, 1)."""
    return torch.rand(rows, number, generator=generator, device=generator.device) * 2 - 1


def _where(probability: float, changed: Tensor, images: Tensor, generator: Generator) -> Tensor:
    chosen = torch.rand(len(images), generator=generator, device=images.device) < probability
    return torch.where(chosen[:, None, None, None], changed, images)


def _crop(images: Tensor, padding: int, generator: Generator) -> Tensor:
    number, channels, height, width = images.shape
    device = images.device
    padded = F.pad(images, [padding] * 4)
    down, right = torch.randint(0, 2 * padding + 1, (2, number), generator=generator, device=device)
    rows = (down[:, None] + torch.arange(height, device=device))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width, device=device))[:, None, None, :]
    return padded[
        torch.arange(number, device=device)[:, None, None, None],
        torch.arange(channels, device=device)[None, :, None, None],
        rows,
        columns,
    ]


def _erase(images: Tensor, probability: float, generator: Generator) -> Tensor:
    number, _, height, width = images.shape
    device = images.device
    chosen, area, aspect, top, left = torch.rand(5, number, generator=generator, device=device)
    side = torch.sqrt((0.02 + 0.31 * area) * height * width)
    stretch = torch.exp((aspect * 2 - 1) * math.log(3.3) / 2)  # sides from 1 : 3.3 to 3.3 : 1
    tall, wide = (side * stretch).clamp(1, height).floor(), (side / stretch).clamp(1, width).floor()
    top, left = (top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor()
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    in_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    hole = in_rows[:, :, None] & in_columns[:, None, :] & (chosen < probability)[:, None, None]
    return images.masked_fill(hole[:, None], 0.0)
