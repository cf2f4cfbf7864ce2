"""leyden.reports.images: embedded as they are, or made smaller."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leyden.reports.images import embedded, is_wide


@pytest.fixture
def noise(tmp_path: Path) -> list[Path]:
    """Three images of 1000×300 pixels, of 0.9 MB each."""
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (300, 1000, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def content(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_images_are_embedded_byte_for_byte(noise: list[Path]) -> None:
    uris = embedded(noise[:1])
    assert uris[noise[0]].startswith("data:image/png;base64,")
    assert content(uris[noise[0]]) == noise[0].read_bytes()
    assert is_wide(noise[0])


def test_large_ones_are_made_smaller_until_all_fit(noise: list[Path]) -> None:
    uris = embedded(noise, 600_000)
    assert list(uris) == noise
    assert sum(len(content(uri)) for uri in uris.values()) <= 600_000
    assert all(uri.startswith("data:image/webp") for uri in uris.values())
    assert all(Image.open(io.BytesIO(content(uri))).width in (1000, 900, 600) for uri in uris.values())


def test_what_does_not_fit_at_all_is_left_out(noise: list[Path]) -> None:
    uris = embedded(noise, 150_000)
    assert 0 < len(uris) < 3
    assert sum(len(content(uri)) for uri in uris.values()) <= 150_000


def test_damaged_files_are_left_out(tmp_path: Path, noise: list[Path]) -> None:
    (tmp_path / "text.png").write_text("<script>")
    (tmp_path / "cut.png").write_bytes(noise[0].read_bytes()[:5000])
    paths = [tmp_path / "text.png", tmp_path / "gone.png", tmp_path / "cut.png", noise[1]]
    assert list(embedded(paths, 500_000))[-1] == noise[1]
    assert tmp_path / "text.png" not in embedded(paths)
    assert not is_wide(tmp_path / "text.png")
