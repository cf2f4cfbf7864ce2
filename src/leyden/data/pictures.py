"""One picture: read, turned the right way up, in the channels that are wanted, cut to size."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from leyden.errors import UserError

Channels = Literal[1, 3]
Read = Callable[[int], Image.Image]  # a picture by its number

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})


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
    """In grey or in colour, 8 bits each. What is transparent is seen before white; of 16 bits, the upper 8 are kept."""
    mode = "L" if channels == 1 else "RGB"
    if picture.mode.startswith("I"):
        values = np.asarray(picture).clip(0, 65535)
        picture = Image.fromarray((values // 256).astype(np.uint8))
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return picture if picture.mode == mode else picture.convert(mode)


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture file, and not a hidden one."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


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
