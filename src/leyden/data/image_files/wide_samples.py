"""Samples of images with more than 8 bits in each channel, at full precision.

Pillow has modes for such images of one channel; of several channels it keeps the upper 8 bits only.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from leyden.data.image_files.opening import open_image

_REMEDY = "save it as a PNG of 16 bits"
_KEPT = {"RGB": "RGB", "RGBX": "RGBX", "RGBA": "RGBA", "RGBa": "RGBA"}  # how to unpack samples as they are stored
_SHALLOW = frozenset({"JPEG", "MPO", "GIF", "BMP", "WEBP"})  # formats that never have more than 8 bits
_JPEG2000_SIZE = b"\xff\x4f\xff\x51"  # start of a codestream and of the segment with its precision


class Samples(NamedTuple):
    """Samples of an image as they are stored.

    Attributes:
        values: (C, H, W), float32, of 1 or 3 channels.
        alpha: (H, W) opacity from 0 to 1; None if nothing is transparent.
    """

    values: NDArray[np.float32]
    alpha: NDArray[np.float32] | None


def is_wide(image: Image.Image) -> bool:
    """True if an image, not loaded yet, has more than 8 bits in each channel according to its header."""
    if image.format in _SHALLOW:
        return False
    if image.mode[0] in "IF":
        return True
    if image.format == "PPM":
        return _is_wide_ppm(cast(ImageFile.ImageFile, image))
    if image.format == "JPEG2000":
        return _precision(cast(ImageFile.ImageFile, image)) > 8
    return any(";16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))


def read_samples(image: ImageFile.ImageFile, path: Path) -> Samples:
    """Decode an image that `is_wide`, turned the right way up.

    Args:
        image: the file, opened but not loaded.
        path: of the file, which some formats must be read from twice.

    Raises:
        ValueError: only the upper bits of this kind of file can be read, or a sample is not finite.
        Exception: of any type, from the decoder of the format for a broken file.
    """
    clear = image.info.get("transparency")
    if image.mode[0] in "IF":
        samples = _of_one_channel(image)
    elif image.format == "PPM":
        samples = _of_ppm(image, path)
    else:
        samples = _of_several_channels(image, path)
    values = samples[..., None] if samples.ndim == 2 else samples
    if not np.isfinite(values).all():
        raise ValueError("holds values that are not finite")
    alpha = None
    if values.shape[2] in (2, 4):
        values, alpha = values[..., :-1], (values[..., -1] / np.float32(65535)).astype(np.float32)
    elif clear is not None:  # the colour of a PNG that counts as transparent
        alpha = (values != np.asarray(clear)).any(axis=2).astype(np.float32)
    return Samples(np.array(values.transpose(2, 0, 1), np.float32, order="C"), alpha)


def _of_one_channel(image: ImageFile.ImageFile) -> NDArray[Any]:
    """(H, W)."""
    is_inverted = getattr(image, "tag_v2", {}).get(262) == 0 and image.mode.startswith("I;16")  # TIFF: white is 0
    samples = _loaded(image)
    return 65535 - samples if is_inverted else samples


def _of_several_channels(image: ImageFile.ImageFile, path: Path) -> NDArray[np.float32]:
    """(H, W, C) of a format of 16 bits per sample: unpacked twice, once as if the lower byte were the upper."""
    kind, _, order = _raw_mode(image.tile[0]).partition(";16")
    if image.format == "PNG" and kind == "LA":  # four bytes a pixel
        _unpack(image, "RGBA")
        pair = _loaded(image).astype(np.float32)
        return pair[..., ::2] * 256 + pair[..., 1::2]
    is_planar = getattr(image, "tag_v2", {}).get(284) == 2
    if kind not in _KEPT or is_planar or image.format not in ("PNG", "TIFF"):
        raise ValueError(
            f"holds {image.mode} with more than 8 bits a channel, which {image.format} is not read with; {_REMEDY}"
        )
    _unpack(image, f"{_KEPT[kind]};16B")
    first = _loaded(image).astype(np.float32)
    with open_image(path) as (again, _):
        _unpack(again, f"{_KEPT[kind]};16L")
        second = _loaded(again).astype(np.float32)
    is_first_upper = order == "B" or (order == "N" and sys.byteorder == "big")
    samples = first * 256 + second if is_first_upper else second * 256 + first
    if kind == "RGBa":  # colours that were multiplied by their opacity
        samples[..., :3] *= 65535 / np.maximum(samples[..., 3:], 1)
    return samples


def _of_ppm(image: ImageFile.ImageFile, path: Path) -> NDArray[np.float32]:
    """(H, W, 3), with the file's own white as 65535, as Pillow has it for the grey ones."""
    codec, _, offset, arguments = image.tile[0]
    white = cast(tuple[str, int], arguments)[1]
    width, height = image.size
    number = height * width * 3
    with path.open("rb") as file:
        file.seek(offset)
        samples = _plain_numbers(file, number) if codec == "ppm_plain" else np.fromfile(file, ">u2", number)
    if len(samples) < number:
        raise OSError("image file is truncated")
    return np.round(samples.reshape(height, width, 3) / white * 65535).clip(max=65535).astype(np.float32)


def _plain_numbers(file: IO[bytes], number: int) -> NDArray[np.int64]:
    words: list[bytes] = []
    for line in file:
        words += line.partition(b"#")[0].split()
    return np.array(words[:number], np.int64)


def _loaded(image: ImageFile.ImageFile) -> NDArray[Any]:
    image.load()
    with suppress(Exception):  # the metadata of a camera may be broken in many ways in a valid image
        ImageOps.exif_transpose(image, in_place=True)
    return np.asarray(image)


def _raw_mode(tile: Any) -> str:
    """The arrangement of samples in a file, such as `RGB;16B`."""
    arguments = tile.args
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _unpack(image: ImageFile.ImageFile, raw_mode: str) -> None:
    image.tile = [
        tile._replace(
            args=raw_mode if isinstance(tile.args, str) else (raw_mode, *cast(tuple[Any, ...], tile.args)[1:])
        )
        for tile in image.tile
    ]


def _is_wide_ppm(image: ImageFile.ImageFile) -> bool:
    arguments = image.tile[0].args if image.tile else None
    return isinstance(arguments, tuple) and len(arguments) == 2 and isinstance(arguments[1], int) and arguments[1] > 255


def _precision(image: ImageFile.ImageFile) -> int:
    """Bits in each channel of a JPEG 2000; 8 if the header does not say."""
    file = image.fp
    if file is None:
        return 8
    place = file.tell()
    file.seek(0)
    start = file.read(1 << 16)
    file.seek(place)
    segment = start.find(_JPEG2000_SIZE)
    precision = start[segment + 42 : segment + 43] if segment >= 0 else b""
    return (precision[0] & 127) + 1 if precision else 8
