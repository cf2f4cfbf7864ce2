"""File formats of images: those that the installed Pillow decodes. Does not import torch."""

from functools import cache
from pathlib import Path

from PIL import Image, ImageFile, features

KINDS = "jpg, png, webp, bmp, gif, tif, pgm and others that Pillow reads"  # for messages

# EPS needs Ghostscript; MPEG is video, of which Pillow reads the header only.
_NO_IMAGES = frozenset({"EPS", "MPEG"})
_OPTIONAL = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}  # formats that a build of Pillow may lack
_QUIET = frozenset({"thumbs.db", "desktop.ini", "icon\r"})  # written by file managers


@cache
def extensions() -> frozenset[str]:
    """Lower-case suffixes, each with its dot, of the formats that Pillow can decode here."""
    known = Image.registered_extensions()  # imports all plugins
    return frozenset(suffix for suffix, name in known.items() if _is_decoded("JPEG" if name == "MPO" else name))


def is_image_file(path: Path) -> bool:
    """True if the name is that of an image file that is not hidden."""
    return suffix_of(path.name) in extensions() and not path.name.startswith(".")


def suffix_of(name: str) -> str:
    """Suffix of a file name in lower case, with its dot; empty if it has none."""
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem and suffix else ""


def is_hidden(name: str) -> bool:
    """True if a file is hidden, or written by a file manager: skipped without a log entry."""
    return name[0] == "." or name.lower() in _QUIET


def _is_decoded(name: str) -> bool:
    if name not in Image.OPEN or name in _NO_IMAGES:
        return False
    factory = Image.OPEN[name][0]
    if isinstance(factory, type) and issubclass(
        factory, ImageFile.StubImageFile
    ):  # GRIB, HDF5: Pillow has no decoder of its own
        return False
    return name not in _OPTIONAL or bool(features.check(_OPTIONAL[name]))
