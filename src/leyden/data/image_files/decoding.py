"""Decoding of image files: turned the right way up, in one channel or three, cropped to size."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from leyden.data.image_files.levels import ALL_16_BITS, Levels
from leyden.data.image_files.opening import open_image, reduced
from leyden.data.image_files.wide_samples import Samples, is_wide, read_samples
from leyden.data.transforms import apply
from leyden.system.errors import UserError

Channels = Literal[1, 3]
DecodedImage = Image.Image | Tensor  # of 8 bits a channel, or float32 (C, H, W)
Read = Callable[[int], DecodedImage]  # an image by its number

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow converts to grey
_BEYOND = 0.5  # below 0 and above 1: resampling of floats overshoots by less


def read_image(path: Path, channels: Channels, levels: Levels = ALL_16_BITS) -> DecodedImage:
    """Decode a file; of an animation, the first frame. Transparent parts are shown on white.

    Returns:
        A PIL image of 8 bits in each channel. Of a file with more, float32 (C, H, W) at full precision, in which black
        is 0 and white is 1; values beyond those of `levels` are beyond 0 and 1.

    Raises:
        Exception: of any type, from the decoder of the format for a broken file.
    """
    with open_image(path) as (image, factor):
        if is_wide(image):
            return _in_levels(read_samples(image, path), channels, levels, factor)
        image.load()
        with suppress(Exception):  # the metadata of a camera may be broken in many ways in a valid image
            ImageOps.exif_transpose(image, in_place=True)
        return in_channels(image if factor == 1 else reduced(image, factor), channels)


def read_alike(path: Path, channels: Channels, levels: Levels | None) -> DecodedImage:
    """Decode a file like those that a network is trained on: all as PIL images, or all as float32 (C, H, W).

    Args:
        levels: of the training images; None if these have 8 bits.

    Raises:
        ValueError: the file has another bit depth than they have.
        Exception: see `read_image`.
    """
    image = read_image(path, channels, levels or ALL_16_BITS)
    is_deep = not isinstance(image, Image.Image)
    if levels is None and is_deep:
        raise ValueError("has more than 8 bits a channel, and the images of training have 8; save it with 8 bits")
    if levels is None or is_deep:
        return image
    if not levels.mixed:
        raise ValueError(f"has 8 bits a channel, and the images of training have more ({levels}); save it like them")
    values: Tensor = tv_tensors.Image(F.to_dtype(F.pil_to_tensor(image), torch.float32, scale=True))
    return values


def in_channels(image: Image.Image, channels: Channels) -> Image.Image:
    """An image of 8 bits in grey or in colour. Transparent parts are shown on white.

    Raises:
        ValueError: it has more than 8 bits in each channel.
    """
    mode = "L" if channels == 1 else "RGB"
    if image.mode[0] in "IF":
        raise ValueError(f"has more than 8 bits a channel (mode {image.mode}), and 8 are expected")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image if image.mode == mode else image.convert(mode)


def size_of(image: DecodedImage) -> tuple[int, int]:
    """(height, width)."""
    height, width = F.get_size(image)
    return height, width


def _in_levels(samples: Samples, channels: Channels, levels: Levels, factor: int) -> Tensor:
    """float32 (C, H, W), black as 0 and white as 1."""
    values = torch.from_numpy(samples.values).sub_(levels.black).mul_(1 / (levels.white - levels.black))
    if samples.alpha is not None:
        alpha = torch.from_numpy(samples.alpha)
        values = values * alpha + (1 - alpha)
    if factor > 1:
        values = avg_pool2d(values, factor, ceil_mode=True, count_include_pad=False)
    if channels == 1 and len(values) == 3:
        values = (values * torch.tensor(_LUMA).view(3, 1, 1)).sum(dim=0, keepdim=True)
    image: Tensor = tv_tensors.Image(values.expand(channels, -1, -1).contiguous())
    return image


def centre_crop(resize: int, size: int | Sequence[int]) -> list[Any]:
    """The transforms of evaluation: the shorter side becomes `resize` pixels, and the centre is cropped."""
    return [v2.Resize(resize), v2.CenterCrop(size)]


def allocate(number: int, shape: tuple[int, int, int], dtype: torch.dtype = torch.uint8) -> Tensor:
    """Uninitialised (N, C, H, W).

    Raises:
        UserError: there is not enough memory.
    """
    try:
        return torch.empty(number, *shape, dtype=dtype)
    except RuntimeError as error:
        size = number * math.prod(shape) * dtype.itemsize / 2**30
        raise UserError(
            f"data.size={shape[-1]}: {number:,} images take {size:,.1f} GiB of memory, more than is available; choose "
            "a smaller one, or data.cache=false"
        ) from error


class Decoder:
    """Reads an image by its number and transforms it into (C, H, W), for all images of the same type.

    Args:
        read: an image by its number: a PIL image of 8 bits a channel, or float32 (C, H, W) with black 0 and white 1.
        steps: transforms, one after the other.
        shape: (C, H, W) that must result; None for any.
        name: of the setting that holds the steps.
        dtype: that results: uint8 from PIL images, float32 from others. To uint8, floats from 0 to 1 are converted.
        remedy: for images of another size.
    """

    def __init__(
        self,
        read: Read,
        steps: Sequence[Any],
        shape: tuple[int, ...] | None,
        name: str,
        dtype: torch.dtype = torch.uint8,
        remedy: str = "",
    ) -> None:
        self.read, self.steps, self.shape, self.name, self.dtype = read, steps, shape, name, dtype
        self.remedy = remedy

    def __call__(self, number: int) -> Tensor:
        image: Any = self.read(number)
        for step in self.steps:
            image = apply(step, image, f"data.{self.name}")
        if not isinstance(image, Tensor | Image.Image):
            raise UserError(f"data.{self.name}: makes a {type(image).__name__} of an image, and must make one image")
        values = self._converted(image.as_subclass(Tensor) if isinstance(image, Tensor) else F.pil_to_tensor(image))
        if values.dtype == self.dtype and self.shape in (None, values.shape):
            return values
        made = "×".join(map(str, values.shape))
        wanted = "×".join(map(str, self.shape or values.shape))
        if not self.steps:
            raise UserError(f"data.size=null: there are images of {wanted} and of {made}; give data.size=…")
        pil, beyond = "", ""
        if self.dtype == torch.uint8:
            pil = ", floats from 0 to 1 (ToDtype with scale: true) or a PIL image of that size"
            beyond = f" from {values.min():g} to {values.max():g}" if values.is_floating_point() else ""
        raise UserError(
            f"data.{self.name}: makes {_word(values.dtype)} {made}{beyond} of an image, and must make "
            f"{_word(self.dtype)} {wanted}{pil}{self.remedy if made != wanted else ''}"
        )

    def _converted(self, values: Tensor) -> Tensor:
        """An image in the type that must result; unchanged if it cannot be."""
        if values.dtype == self.dtype or self.dtype != torch.uint8 or not values.is_floating_point():
            return values
        if not (values.min() >= -_BEYOND and values.max() <= 1 + _BEYOND):
            return values
        converted: Tensor = F.to_dtype(values.clamp(0, 1), torch.uint8, scale=True)
        return converted


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
