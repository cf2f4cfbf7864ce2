"""One picture: read, turned the right way up, in the channels that are wanted, cut to size."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from leyden.errors import UserError

Channels = Literal[1, 3]
Read = Callable[[int], Image.Image]  # a picture by its number


def read_picture(path: Path, channels: Channels) -> Image.Image:
    """Decode a file; of an animation, the first picture.

    Raises:
        Exception: of any type, whatever the decoder of the format meets in a broken file.
    """
    with Image.open(path) as picture:
        picture.load()
        with suppress(Exception):  # a camera's notes can be broken in many ways, beside a picture that is whole
            ImageOps.exif_transpose(picture, in_place=True)
        return in_channels(picture, channels)


def in_channels(picture: Image.Image, channels: Channels) -> Image.Image:
    """In grey or in colour, 8 bits each. What is transparent is seen before white; of 16 bits, the upper 8 are kept.

    Raises:
        ValueError: nobody knows which of the picture's values are black and white.
    """
    mode = "L" if channels == 1 else "RGB"
    if picture.mode == "F":
        raise ValueError("holds floating-point values, of which black and white are not known; save it with 8 bits")
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Of 16 bits, also where they lie in 32. Of 32 bits that say no more than 8, these."""
    values = np.asarray(picture)
    least, most = values.min(), values.max()
    if least < 0 or most > 65535:
        raise ValueError(f"holds values from {least} to {most}, and may have 16 bits at the most; save it with 8 bits")
    return Image.fromarray((values if picture.mode == "I" and most <= 255 else values // 256).astype(np.uint8))


def centre_cut(resize: int, size: int | Sequence[int]) -> list[Any]:
    """The transforms that evaluation is made with: the shorter side becomes `resize` pixels, the centre is cut out."""
    return [v2.Resize(resize), v2.CenterCrop(size)]


def memory_for(number: int, shape: tuple[int, int, int]) -> Tensor:
    """Uninitialised uint8 (N, C, H, W).

    Raises:
        UserError: there is not so much memory.
    """
    try:
        return torch.empty(number, *shape, dtype=torch.uint8)
    except RuntimeError as error:
        size = number * math.prod(shape) / 2**30
        raise UserError(
            f"data.size={shape[-1]}: {number:,} pictures take {size:,.1f} GiB of memory, more than can be had; choose "
            "a smaller one, or data.cache=false"
        ) from error


class Decoder:
    """Reads a picture by its number and transforms it into uint8 (C, H, W).

    Args:
        read: a PIL picture by its number.
        steps: transforms, one after the other.
        shape: (C, H, W) that must result.
        name: of the setting that the steps stand in.
    """

    def __init__(self, read: Read, steps: Sequence[Any], shape: tuple[int, int, int], name: str) -> None:
        self.read, self.steps, self.shape, self.name = read, steps, shape, name

    def __call__(self, number: int) -> Tensor:
        picture: Any = self.read(number)
        for step in self.steps:
            picture = step(picture)
        values = picture.as_subclass(Tensor) if isinstance(picture, Tensor) else F.pil_to_tensor(picture)
        if values.shape == self.shape and values.dtype == torch.uint8:
            return values
        made, wanted = ("×".join(map(str, shape)) for shape in (values.shape, self.shape))
        if not self.steps:
            raise UserError(f"data.size=null: there are pictures of {wanted} and of {made}; give data.size=…")
        raise UserError(
            f"data.{self.name}: makes {str(values.dtype).removeprefix('torch.')} {made} of a picture, and must make "
            f"uint8 {wanted}, or a PIL picture of that size"
        )
