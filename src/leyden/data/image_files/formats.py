"""Names of image files: those that the installed Pillow decodes. Known without torch."""

from functools import cache
from pathlib import Path

from PIL import Image, ImageFile, features

KINDS = "jpg, png, webp, bmp, gif, tif, pgm and others that Pillow reads"  # for messages

# EPS needs Ghostscript, MPEG is video, of which Pillow reads the header only.
_NO_IMAGES = frozenset({"EPS", "MPEG"})
_OPTIONAL = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}  # formats that a build of Pillow may lack
_QUIET = frozenset({"thumbs.db", "desktop.ini", "icon\r"})  # written by file managers


@cache
def extensions() -> frozenset[str]:
    """The lower-case suffixes, each with its dot, of the formats that Pillow can decode here."""
    known = Image.registered_extensions()  # imports all plugins
    return frozenset(suffix for suffix, name in known.items() if _is_decoded("JPEG" if name == "MPO" else name))


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image file, and not a hidden one."""
    return suffix_of(path.name) in extensions() and not path.name.startswith(".")


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case, with its dot; empty where there is none."""
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem and suffix else ""


def is_quiet(name: str) -> bool:
    """Whether a file is hidden, or one that a file manager keeps beside images: skipped without a log entry."""
    return name[0] == "." or name.lower() in _QUIET


def _is_decoded(name: str) -> bool:
    if name not in Image.OPEN or name in _NO_IMAGES:
        return False
    factory = Image.OPEN[name][0]
    if isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile):  # GRIB, HDF5: no decoder comes along
        return False
    return name not in _OPTIONAL or bool(features.check(_OPTIONAL[name]))
