"""Images within a page: PNG files as data URIs, made smaller if together they are too large."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from leyden.reports.html import Html, element

_BUDGET = 1_000_000  # bytes of all images of a page; base64 adds a third
_WIDTHS = (None, 900, 600)  # pixels, tried one after the other as WebP
_PNG = b"\x89PNG\r\n\x1a\n"


def embedded(paths: Sequence[Path], budget: int = _BUDGET) -> dict[Path, str]:
    """Data URIs of images. Files that cannot be read are left out, and so are the last ones if all are too large.

    Args:
        paths: PNG files.
        budget: bytes of all of them.
    """
    files = {path: content for path in paths if (content := _content(path))}
    types = dict.fromkeys(files, "png")
    for width in _WIDTHS:
        if sum(map(len, files.values())) <= budget:
            break
        for path in files:
            smaller = _as_webp(path, width)
            if smaller and len(smaller) < len(files[path]):
                files[path], types[path] = smaller, "webp"
    found, left = {}, budget
    for path, content in files.items():
        if len(content) <= left:
            left -= len(content)
            found[path] = f"data:image/{types[path]};base64,{base64.b64encode(content).decode()}"
    return found


def is_wide(path: Path) -> bool:
    """True for an image that needs the whole width of a page: of more than 800 pixels."""
    return int.from_bytes(_content(path)[16:20], "big") > 800


def image(uri: str, alt: str) -> Html:
    """An image that is part of the page."""
    return element("img", src=uri, alt=alt)


def _content(path: Path) -> bytes:
    """Content of a PNG file; empty if it is none."""
    try:
        content = path.read_bytes()
    except OSError:
        return b""
    return content if content.startswith(_PNG) else b""


def _as_webp(path: Path, width: int | None) -> bytes:
    """An image as WebP, not wider than so many pixels; empty if it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    if width and picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, format="webp", quality=85)
    return file.getvalue()
