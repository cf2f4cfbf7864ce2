"""Which files are pictures, by their names: known before torch is imported."""

from pathlib import Path

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture file, and not a hidden one."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
