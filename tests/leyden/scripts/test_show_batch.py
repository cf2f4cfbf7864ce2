"""scripts/show_batch.py, run as a user runs it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.plots.images import image_grid
from tests.helpers.image_files import pixels, write_folders
from tests.leyden.scripts.running import runner

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "show_batch.py"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, str]]:
    """Images (H, W, 3) that a figure gets, with their captions."""
    found: list[tuple[np.ndarray, str]] = []

    def kept(values: np.ndarray, captions: list[str], *rest: Any, **more: Any) -> Any:
        found.extend(zip(values, captions, strict=True))
        return image_grid(values, captions, *rest, **more)

    monkeypatch.setattr("leyden.plots.images.image_grid", kept)
    return found


run = runner(SCRIPT)


@pytest.mark.parametrize("channels", [3, 1])
def test_the_batch_is_drawn_in_its_own_colours_with_its_labels(
    channels: int, drawn: list[tuple[np.ndarray, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, output = write_folders(tmp_path / "pictures", train=4, test=1), tmp_path / "batch.png"
    settings = [f"data.root={root}", "data.size=12", "data.batch_size=7", f"data.channels={channels}"]
    flip = ["data.train_transform=[]", "data.augment.horizontal_flip=1.0"]
    assert run(monkeypatch, "data=image_folder", *settings, *flip, "--output", str(output)) == 0
    assert len(drawn) == 7
    files = {
        (Image.fromarray(pixels(1000 * label + n)).convert("RGB" if channels == 3 else "L")).tobytes(): name
        for label, name in enumerate(("cat", "dog", "emu"))
        for n in range(4)
    }
    for picture, text in drawn:
        flipped = np.ascontiguousarray((picture * 255).round().astype(np.uint8)[:, ::-1])
        flipped = flipped if channels == 3 else np.ascontiguousarray(flipped[:, :, 0])
        assert files[flipped.tobytes()] == text
    with Image.open(output) as image:
        assert image.format == "PNG"
        assert np.ptp(np.asarray(image.convert("L"))) > 100


def test_mnist_is_drawn(tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "experiment=mnist_cnn", f"paths.data_dir={mnist_root}", "data.batch_size=4") == 0
    assert (tmp_path / "batch.png").stat().st_size > 1000


def test_mixed_images_are_drawn_with_both_classes(
    drawn: list[tuple[np.ndarray, str]], tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = [f"paths.data_dir={mnist_root}", "data.batch_size=8", "data.train_size=16", "data.mixup=9"]
    assert run(monkeypatch, "experiment=mnist_linear", *settings) == 0
    assert any(re.fullmatch(r"\d - \w+ \d\d%\n\d - \w+", text) for _, text in drawn)


def test_data_that_are_no_images_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Table(DataModule):
        spec = DataSpec(task="regression", input_shape=(5,), output_size=1)

    monkeypatch.setattr("leyden.training.build.build_data", lambda _: Table())
    assert run(monkeypatch) == 2
    assert capsys.readouterr().err.startswith("error: data: an input of shape 5 is no image; ")
