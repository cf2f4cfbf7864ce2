"""Images with more than 8 bits in each channel keep them."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from leyden.data.image_files.decoding import in_channels, read_alike, read_image
from leyden.data.image_files.levels import Levels
from leyden.data.image_files.opening import open_image
from leyden.data.image_files.wide_samples import is_wide
from tests.leyden.helpers.deep_files import write_png, write_pnm, write_tiff

RAW = Levels(0.0, 1.0)  # values as they are stored


def samples(channels: int, most: int = 65536) -> np.ndarray:
    return np.random.default_rng(channels).integers(0, most, (5, 7, channels)).astype(np.uint16)


def saved(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values[..., 0]).save(path)
    return path


def raw(path: Path, channels: Any = 3) -> np.ndarray:
    """(H, W, C) of what is read."""
    values = read_image(path, channels, RAW)
    assert isinstance(values, Tensor)
    assert values.dtype == torch.float32
    return values.permute(1, 2, 0).numpy()


KINDS: dict[str, tuple[Callable[[Path, np.ndarray], Path], str, int]] = {
    "grey PNG": (write_png, "a.png", 1),
    "PNG of Pillow": (saved, "a.png", 1),
    "colour PNG": (write_png, "a.png", 3),
    "TIFF of Pillow": (saved, "a.tif", 1),
    "grey TIFF": (write_tiff, "a.tif", 1),
    "grey TIFF, big-endian": (lambda path, values: write_tiff(path, values, ">"), "a.tif", 1),
    "grey TIFF, compressed": (lambda path, values: write_tiff(path, values, "<", True), "a.tif", 1),
    "colour TIFF": (write_tiff, "a.tif", 3),
    "colour TIFF, big-endian": (lambda path, values: write_tiff(path, values, ">"), "a.tif", 3),
    "colour TIFF, compressed": (lambda path, values: write_tiff(path, values, "<", True), "a.tif", 3),
    "colour TIFF, big-endian, compressed": (lambda path, values: write_tiff(path, values, ">", True), "a.tif", 3),
    "PGM": (write_pnm, "a.pgm", 1),
    "PGM as text": (lambda path, values: write_pnm(path, values, plain=True), "a.pgm", 1),
    "PPM": (write_pnm, "a.ppm", 3),
    "PPM as text": (lambda path, values: write_pnm(path, values, plain=True), "a.ppm", 3),
    "grey JPEG 2000": (saved, "a.jp2", 1),
    "TIFF of 32 bits": (lambda path, values: saved(path, values.astype(np.int32) * 9 - 70_000), "a.tif", 1),
    "TIFF of floats": (lambda path, values: saved(path, (values / 7).astype(np.float32)), "a.tif", 1),
}


@pytest.mark.parametrize(("write", "name", "channels"), KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("most", [65536, 4096, 250])
def test_all_bits_are_kept(
    write: Callable[[Path, np.ndarray], Path], name: str, channels: int, most: int, tmp_path: Path
) -> None:
    values = samples(channels, most)
    path = write(tmp_path / name, values)
    with open_image(path) as (image, _):
        assert is_wide(image)
    expected: np.ndarray = values
    if name == "a.tif" and channels == 1:
        with Image.open(path) as image:
            expected = np.asarray(image)[..., None].astype(np.float32)
    assert np.array_equal(raw(path), np.broadcast_to(expected, (5, 7, 3)))
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey = expected if channels == 1 else (expected * weights).sum(2, keepdims=True)
    assert np.allclose(raw(path, 1), grey, rtol=1e-6)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_what_is_transparent_is_seen_before_white(channels: int, kind: str, tmp_path: Path) -> None:
    if (channels, kind) == (2, "tif"):
        pytest.skip("Pillow reads no such file")
    values = samples(channels)
    values[:2, :, -1], values[2, :, -1], values[3:, :, -1] = 0, 13107, 65535
    path = (write_png if kind == "png" else write_tiff)(tmp_path / f"a.{kind}", values)
    seen = read_image(path, 3, Levels(100.0, 1100.0))
    assert isinstance(seen, Tensor)
    colours = (np.broadcast_to(values[..., :-1], (5, 7, 3)).astype(np.float64) - 100) / 1000
    colours[:2] = 1
    colours[2] = colours[2] * 0.2 + 0.8
    assert np.allclose(seen.permute(1, 2, 0), colours, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("clear", [(300,), (300, 20, 5)])
def test_a_transparent_colour_is_seen_before_white(clear: tuple[int, ...], tmp_path: Path) -> None:
    values = samples(len(clear), 250)
    values[1, 2] = clear
    seen = read_image(write_png(tmp_path / "a.png", values, clear), 3, Levels(0.0, 249.0))
    assert isinstance(seen, Tensor)
    colours = np.broadcast_to(values, (5, 7, 3)) / np.float32(249)
    colours = np.where((values == np.array(clear)).all(axis=2, keepdims=True), 1, colours)
    assert colours[1, 2].tolist() == [1, 1, 1]
    assert np.allclose(seen.permute(1, 2, 0), colours, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_image_is_turned_as_its_camera_was_held(channels: int, tmp_path: Path) -> None:
    values = samples(channels)
    if channels in (2, 4):
        values[..., -1] = 65535
    seen = raw(write_png(tmp_path / "a.png", values, turned=6))
    colours = values[..., : 3 if channels > 2 else 1]
    assert np.array_equal(seen, np.broadcast_to(np.rot90(colours, -1), (7, 5, 3)))


def test_a_tiff_whose_white_is_zero_is_inverted_as_with_8_bits(tmp_path: Path) -> None:
    values = samples(1)
    assert np.array_equal(raw(write_tiff(tmp_path / "a.tif", values, inverted=True), 1), 65535 - values)


def test_white_of_a_pgm_or_ppm_is_what_its_header_says(tmp_path: Path) -> None:
    for channels in (1, 3):
        values = samples(channels, 1001)
        for plain in (False, True):
            seen = raw(write_pnm(tmp_path / "a.pnm", values, 1000, plain))
            assert np.abs(seen - values * 65.535).max() <= 0.51


def test_a_large_one_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.data.image_files.opening.ORDINARY", 12)
    values = samples(3)
    seen = raw(write_png(tmp_path / "a.png", values))
    assert seen.shape == (3, 4, 3)
    assert np.allclose(seen[0, 0], values[:2, :2].mean(axis=(0, 1)))
    assert np.allclose(seen[2, 3], values[4, 6])


def test_what_can_only_be_read_in_part_is_refused(tmp_path: Path) -> None:
    cmyk = tmp_path / "a.tif"
    content = bytearray(write_tiff(cmyk, samples(4)).read_bytes())
    place = content.index(struct.pack("<HHIHH", 262, 3, 1, 2, 0))
    content[place : place + 12] = struct.pack("<HHIHH", 262, 3, 1, 5, 0)
    place = content.index(struct.pack("<HHIHH", 338, 3, 1, 2, 0))
    content[place : place + 2] = struct.pack("<H", 40000)
    cmyk.write_bytes(content)
    with pytest.raises(ValueError, match=r"holds CMYK with more than 8 bits a channel, .* save it as a PNG of 16 bits"):
        read_image(cmyk, 3)
    Image.fromarray(np.full((4, 4), np.inf, np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(ValueError, match="not finite"):
        read_image(tmp_path / "b.tif", 3)
    path = write_pnm(tmp_path / "c.ppm", samples(3))
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(OSError, match="truncated"):
        read_image(path, 3)


def test_depths_are_not_mixed_unless_that_is_chosen(tmp_path: Path) -> None:
    deep = write_png(tmp_path / "a.png", samples(3))
    Image.fromarray(np.full((4, 4, 3), 51, np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match="more than 8 bits a channel, and the images of training have 8"):
        read_alike(deep, 3, None)
    with pytest.raises(ValueError, match=r"8 bits a channel, .* have more \(black 0, white 4,095\)"):
        read_alike(tmp_path / "b.png", 3, Levels(0.0, 4095.0))
    both = read_alike(tmp_path / "b.png", 3, Levels(0.0, 4095.0, mixed=True))
    assert isinstance(both, Tensor)
    assert torch.allclose(both.as_subclass(Tensor), torch.full((3, 4, 4), 0.2))
    assert isinstance(read_alike(tmp_path / "b.png", 3, None), Image.Image)
    with pytest.raises(ValueError, match="more than 8 bits"):
        in_channels(Image.fromarray(samples(1)[..., 0]), 3)
