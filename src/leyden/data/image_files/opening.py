"""Image files, opened by their content and with our own limit on the number of pixels."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, ImageFile, UnidentifiedImageError

ORDINARY = 2**30 // 12  # pixels; a larger image is reduced as it is decoded. Pillow warns of such, as `crop` does
MOST = 2**29  # pixels that are decoded at all, into 2 GiB; the header of a small file may state many more

_large = threading.RLock()  # one at a time: each takes up to several GiB. Some files are opened twice


@contextmanager
def open_image(path: Path) -> Iterator[tuple[ImageFile.ImageFile, int]]:
    """An image file with its header read, and the factor, a power of 2, by which it must be reduced.

    This is `Image.open` without its limit of pixels, which is global state that other threads would see changed, and
    which warns of images that are large but valid. A JPEG is set to be decoded at its reduced size.

    Raises:
        ValueError: the image has more pixels than are decoded.
        UnidentifiedImageError: the file is in no format that Pillow knows.
    """
    with path.open("rb") as file:
        try:
            image = _identified(file, path)
        except Image.DecompressionBombError as error:  # of formats that check it themselves
            raise ValueError(
                f"has more pixels than the {MOST:,} that can be decoded; save it in a smaller size"
            ) from error
        width, height = image.size
        if width * height > MOST:
            raise ValueError(
                f"claims {width:,}×{height:,} pixels, and at most {MOST:,} are decoded; save it in a smaller size"
            )
        factor = 1
        while width * height > ORDINARY * factor**2:
            factor *= 2
        with image:
            if factor == 1:
                yield image, 1
                return
            with _large:
                image.draft(None, (width // factor, height // factor))  # does nothing but to a JPEG
                try:
                    yield image, factor if image.size == (width, height) else 1
                except MemoryError as error:
                    why = f"has {width:,}×{height:,} pixels, for which there is not enough memory"
                    raise ValueError(f"{why}; save it in a smaller size") from error


def cause(error: Exception) -> str:
    """The first line of an error of a decoder, or the name of its type."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def reduced(image: Image.Image, factor: int) -> Image.Image:
    """The image with each box of `factor`² pixels averaged into one."""
    if image.mode in ("1", "P", "PA") or "transparency" in image.info:  # indices and single colours have no mean
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    return image.reduce(factor)


def _identified(file: IO[bytes], path: Path) -> ImageFile.ImageFile:
    start = file.read(16)
    for register in (Image.preinit, Image.init):  # first the plugins of common formats, then all
        register()
        for name in Image.ID:
            factory, accept = Image.OPEN[name]
            answer = accept is None or accept(start)
            if answer and not isinstance(answer, str):  # a string says why this build cannot decode it
                file.seek(0)
                try:
                    return factory(file, str(path))
                except (SyntaxError, IndexError, TypeError, struct.error):  # of a plugin: it is not this format
                    continue
    raise UnidentifiedImageError(f"cannot identify image file {str(path)!r}")
