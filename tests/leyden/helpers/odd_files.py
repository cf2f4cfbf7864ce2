"""Image files of every mode and format that Pillow writes, and of some that it only reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from tests.helpers.image_files import pixels
from tests.leyden.helpers.deep_files import write_png, write_pnm, write_tiff

Write = Callable[[Path, int], object]


def _saved(mode: str, convert: Callable[[Image.Image], Image.Image] | None = None, **options: Any) -> Write:
    def write(path: Path, seed: int) -> None:
        picture = Image.fromarray(pixels(seed, 14, 13, 4)) if mode in ("RGBA", "LA", "PA") else _colours(seed)
        made = convert(picture) if convert else picture.convert(mode)
        made.save(path, **options)

    return write


def _colours(seed: int) -> Image.Image:
    return Image.fromarray(pixels(seed, 14, 13))


def _palette(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB").quantize(7)


def _painted(picture: Image.Image, colour: Any) -> Image.Image:
    picture.paste(colour, (2, 3, 7, 9))
    return picture


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _frames(path: Path, seed: int) -> None:
    _palette(_colours(seed)).save(path, save_all=True, append_images=[_palette(_colours(seed + 1))], duration=100)


def _pages(path: Path, seed: int) -> None:
    _colours(seed).save(path, save_all=True, append_images=[_colours(seed + 1).convert("L")])


SHALLOW: dict[str, Write] = {
    **{f"{mode}.png": _saved(mode) for mode in ("1", "L", "LA", "RGB", "RGBA")},
    **{f"{mode}.tif": _saved(mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")},
    **{f"{mode}.jpg": _saved(mode) for mode in ("L", "RGB", "CMYK", "YCbCr")},
    **{f"{mode}.webp": _saved(mode) for mode in ("L", "RGB", "RGBA")},
    **{f"{mode}.bmp": _saved(mode) for mode in ("1", "L", "RGB", "RGBA")},
    **{f"{mode}.tga": _saved(mode) for mode in ("L", "RGB", "RGBA")},
    "P.png": _saved("P", _palette),
    "P.gif": _saved("P", _palette),
    "P.tif": _saved("P", _palette),
    "P.bmp": _saved("P", _palette),
    "P tRNS.png": _saved("P", _palette, transparency=3),
    "P alpha.png": _saved("P", _palette, transparency=bytes([0, 90, 255, 40, 255, 255, 10])),
    "P transparent.gif": _saved("P", _palette, transparency=3),
    "1 tRNS.png": _saved("1", None, transparency=0),
    "L tRNS.png": _saved("L", lambda picture: _painted(picture.convert("L"), 40), transparency=40),
    "RGB tRNS.png": _saved("RGB", lambda picture: _painted(picture, (40, 41, 42)), transparency=(40, 41, 42)),
    "turned.png": _saved("RGB", None, exif=_turned(6)),
    "turned.jpg": _saved("RGB", None, exif=_turned(8)),
    "turned.tif": _saved("RGB", None, exif=_turned(5)),
    "turned.webp": _saved("RGB", None, exif=_turned(7)),
    "frames.gif": _frames,
    "frames.png": _frames,
    "frames.webp": _frames,
    "pages.tif": _pages,
    "grey.pgm": _saved("L"),
    "bits.pbm": _saved("1"),
    "colour.ppm": _saved("RGB"),
    "colour.jfif": lambda path, seed: _colours(seed).save(path, format="JPEG"),
    "colour.ico": _saved("RGBA"),
    "colour.sgi": _saved("RGB"),
    "colour.pcx": _saved("RGB"),
    "colour.dib": _saved("RGB"),
    "colour.qoi": _saved("RGB"),
    **({"L.jp2": _saved("L"), "RGBA.jp2": _saved("RGBA")} if features.check("jpg_2000") else {}),
    **({"RGB.avif": _saved("RGB"), "RGBA.avif": _saved("RGBA")} if features.check("avif") else {}),
}


def _deep(seed: int, channels: int) -> np.ndarray:
    return pixels(seed, 14, 13, channels).astype(np.uint16) * 16


DEEP: dict[str, Write] = {
    "grey.png": lambda path, seed: write_png(path, _deep(seed, 1)),
    "grey tRNS.png": lambda path, seed: write_png(path, _deep(seed, 1), (640,)),
    "grey alpha.png": lambda path, seed: write_png(path, _deep(seed, 2)),
    "colour.png": lambda path, seed: write_png(path, _deep(seed, 3)),
    "colour tRNS.png": lambda path, seed: write_png(path, _deep(seed, 3), (640, 320, 160)),
    "colour alpha.png": lambda path, seed: write_png(path, _deep(seed, 4)),
    "turned.png": lambda path, seed: write_png(path, _deep(seed, 3), turned=6),
    "grey.tif": lambda path, seed: write_tiff(path, _deep(seed, 1), ">"),
    "colour.tif": lambda path, seed: write_tiff(path, _deep(seed, 3), "<", packed=True),
    "wide.tif": lambda path, seed: Image.fromarray(_deep(seed, 1)[..., 0].astype(np.int32)).save(path),
    "float.tif": lambda path, seed: Image.fromarray(_deep(seed, 1)[..., 0].astype(np.float32)).save(path),
    "grey.pgm": lambda path, seed: write_pnm(path, _deep(seed, 1)),
    "colour.ppm": lambda path, seed: write_pnm(path, _deep(seed, 3)),
}
