"""Large images are reduced as they are decoded; what claims too many pixels is refused."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from leyden.data.image_files import opening as module
from leyden.data.image_files.decoding import read_image
from leyden.data.image_files.opening import open_image
from leyden.data.inputs.open import open_inputs
from leyden.system.errors import UserError
from tests.helpers.image_files import pixels, ready, seen, write_folders


def flat(path: Path, width: int, height: int, kind: int = 0) -> Path:
    """A PNG of one grey, or of a palette, that is small whatever its size is."""
    packed = zlib.compressobj(9)
    row = b"\0" + b"\x80" * width
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    )
    return path


def claiming(path: Path, width: int, height: int) -> Path:
    """A PNG of a few bytes whose header claims any size."""
    flat(path, 1, 1)
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = path.read_bytes()
    path.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    return path


def test_225_megapixels_are_read_without_a_warning_or_a_changed_setting(tmp_path: Path) -> None:
    path, limit = flat(tmp_path / "a.png", 15_000, 15_000), Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(path, 1)
    assert image.size == (7500, 7500)
    assert set(np.unique(np.asarray(image))) == {128}
    assert limit == Image.MAX_IMAGE_PIXELS


def test_what_claims_more_than_can_be_decoded_is_refused_in_one_line(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=4)
    claiming(root / "train/cat/000.png", 50_000, 50_000)
    with pytest.raises(UserError) as refusal:
        ready(root)
    message = str(refusal.value)
    assert "000.png (claims 50,000×50,000 pixels, and at most 536,870,912 are decoded; save it in a smaller" in message
    assert "data.skip_broken=true" in message
    assert "\n" not in message
    spec = ready(root, skip_broken=True).spec
    inputs = open_inputs(root / "train/cat", spec, 8)
    assert len(next(iter(inputs.batches)).names) == 3
    assert "claims 50,000×50,000 pixels" in inputs.unreadable["000.png"]


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "gif", "webp", "tif"])
def test_an_image_above_the_limit_is_reduced_by_a_power_of_two(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = np.kron(pixels(1, 8, 8), np.ones((8, 8, 1), np.uint8))[:61]
    path = tmp_path / f"a.{kind}"
    Image.fromarray(colours).save(path, **{"lossless": True} if kind == "webp" else {})
    whole = np.asarray(read_image(path, 3)).astype(int)
    monkeypatch.setattr(module, "ORDINARY", 61 * 64 // 16)
    with open_image(path) as (_, factor):
        assert factor == (1 if kind == "jpg" else 4)
    small = np.asarray(read_image(path, 3)).astype(int)
    assert small.shape == (16, 16, 3)
    blocks = np.pad(whole, ((0, 3), (0, 0), (0, 0)), mode="edge").reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks)[:15].max() <= (30 if kind == "jpg" else 1)


@pytest.mark.parametrize("mode", ["1", "P", "PA", "LA", "RGBA", "CMYK", "L", "YCbCr"])
def test_every_mode_can_be_reduced(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ORDINARY", 16)
    image = Image.fromarray(pixels(1, 8, 8)).convert("RGB").convert("P" if mode == "PA" else mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    image.save(path, **{"transparency": 3} if mode in ("P", "PA", "1") else {})
    for channels in (1, 3):
        assert read_image(path, channels).size == (4, 4)  # type: ignore[arg-type]


def test_training_and_prediction_reduce_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ORDINARY", 100)
    root = write_folders(tmp_path, train=4, test=2)
    for path in (root / "test").rglob("*.png"):
        Image.fromarray(pixels(5, 50, 40)).save(path.with_suffix(".jpg"))
        path.unlink()
    data = ready(root, cache=True)
    expected = torch.cat([inputs for inputs, _ in data.test_dataloader()])
    inputs = open_inputs(root / "test", data.spec, 20)
    assert torch.equal(torch.cat([inputs.transform(batch.inputs) for batch in inputs.batches]), expected)
    assert len(seen(data, "test")) == 6


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    Image.fromarray(pixels(1)).save(tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.jpg", 3)), pixels(1))
