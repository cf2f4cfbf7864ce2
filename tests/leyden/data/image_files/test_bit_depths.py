"""A folder of images with more than 8 bits in each channel: one rule, in training and wherever the network is used."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from leyden.checkpoints.restore import restore_spec
from leyden.data.folder import ImageFolder
from leyden.data.image_files import bit_depths
from leyden.data.inputs.open import open_inputs
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from tests.helpers.image_files import write_image
from tests.leyden.data.inputs.opened_inputs import read, save
from tests.leyden.helpers.deep_files import write_png

SIZES: dict[str, Any] = {"size": 10, "num_workers": 0, "val_size": 4, "test_size": 4}


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 250, (12, 12)).astype(np.uint16)


def write(root: Path, values: Callable[[np.ndarray], np.ndarray], name: str = "png") -> Path:
    for label, kind in enumerate(("cat", "dog")):
        for number in range(12):
            path = root / kind / f"{number:02}.{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values(grey(100 * label + number))).save(path)
    return root


def ready(root: Path, trained: DataSpec | None = None, **settings: Any) -> ImageFolder:
    data = ImageFolder(str(root), **SIZES | settings)
    data.reference_spec = trained
    data.prepare_data()
    data.setup()
    return data


def inputs_of(data: ImageFolder, split: str = "test") -> Tensor:
    loader: Any = getattr(data, f"{split}_dataloader")()
    return torch.cat([inputs for inputs, _ in loader])


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("factor", [1, 16, 257])
def test_16_bits_are_seen_as_the_same_values_in_8_bits(factor: int, cache: bool, tmp_path: Path) -> None:
    eight = ready(write(tmp_path / "8", lambda values: values.astype(np.uint8)), cache=cache, resize=12)
    deep = ready(write(tmp_path / "16", lambda values: values * factor), cache=cache, resize=12)
    assert eight.spec.value_range is None
    assert deep.spec.value_range == (0.0, 249.0 * factor)
    assert not deep.spec.mixed_depths
    for split in ("val", "test"):
        assert torch.allclose(inputs_of(eight, split), inputs_of(deep, split), atol=1e-4)


@pytest.mark.parametrize("workers", [0, 2])
def test_cached_images_and_those_of_workers_are_alike(workers: int, tmp_path: Path) -> None:
    root = write(tmp_path, lambda values: values)
    held = inputs_of(ready(root, cache=True))
    data = ready(root, num_workers=workers)
    assert torch.equal(held, inputs_of(data))
    data.teardown()
    assert inputs_of(ready(root, size=None)).shape == (4, 3, 12, 12)


def test_one_hot_pixel_takes_no_precision_from_the_others(tmp_path: Path) -> None:
    root = write(tmp_path / "16", lambda values: values)
    plain = ready(root, cache=True, size=None)
    name = plain.found[0].paths[int(plain._split(plain.found[1])["train"][0][0])]
    spoilt = np.asarray(Image.open(name)).copy()
    spoilt[0, 0] = 65535
    Image.fromarray(spoilt).save(name)
    data = ready(root, cache=True, size=None)
    assert data.spec.value_range == (0.0, 65535.0)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.spec.mean, data.spec.std))
    values = (inputs_of(data) * std + mean) * 65535
    assert torch.allclose(values, values.round(), atol=0.01)
    assert len(values.round().unique()) > 100


def test_a_network_keeps_its_black_and_white(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = ready(write(tmp_path / "a", lambda values: values * 16), cache=True)
    spec = restore_spec(asdict(first.spec))
    assert spec == first.spec
    again = ready(tmp_path / "a", spec, cache=True)
    assert torch.equal(inputs_of(first), inputs_of(again))
    other = write(tmp_path / "b", lambda values: values * 32)
    with caplog.at_level(logging.WARNING):
        brighter = ready(other, spec, cache=True)
    assert "hold values far beyond those of training (black 0, white 3,984), and are not clipped" in caplog.text
    assert brighter.spec == spec
    mean, std = spec.mean[0], spec.std[0]
    assert torch.allclose(inputs_of(brighter) * std + mean, (inputs_of(first) * std + mean) * 2, atol=1e-5)


def test_old_checkpoints_and_images_of_8_bits_have_no_levels(tmp_path: Path) -> None:
    root = write(tmp_path / "8", lambda values: values.astype(np.uint8))
    spec = ready(root, cache=True).spec
    old = {key: value for key, value in asdict(spec).items() if key not in ("value_range", "mixed_depths")}
    assert restore_spec(old) == spec
    assert inputs_of(ready(root, restore_spec(old))).dtype == torch.float32
    assert not (root / bit_depths.RECORD).exists()
    deep = write(tmp_path / "16", lambda values: values)
    with pytest.raises(
        UserError, match=r"cat/00\.png has more than 8 bits a channel, and the network was trained on 8"
    ):
        ready(deep, restore_spec(old))
    with pytest.raises(UserError, match=r"cat/00\.png has 8 bits a channel, and the network .*\(black 0, white 249\)"):
        ready(root, ready(deep).spec)


@pytest.mark.parametrize("settings", [{}, {"verify": False}, {"cache": True}])
def test_depths_that_are_mixed_need_a_range_that_is_chosen(settings: dict[str, Any], tmp_path: Path) -> None:
    root = write(tmp_path, lambda values: values * 16)
    for number in range(12):
        Image.fromarray(grey(number).astype(np.uint8)).save(root / "cat" / f"{number:02}.png")
    with pytest.raises(UserError) as refusal:
        ready(root, **settings)
    message = str(refusal.value)
    assert "12 of 24 images have more than 8 bits a channel, such as dog/00.png, and the others 8" in message
    white = message.rpartition("data.value_range=[0,")[2].rstrip("']")
    data = ready(root, value_range=[0, float(white)], **settings)
    assert data.spec.value_range == (0.0, float(white))
    assert data.spec.mixed_depths
    mean, std = data.spec.mean[0], data.spec.std[0]
    assert 0.8 < (inputs_of(data) * std + mean).amax() < 1.1
    names, inputs = read(open_inputs(root / "cat", data.spec, 5))
    assert len(names) == len(inputs) == 12


@pytest.mark.parametrize("wrong", [[1], [5, 5], [3, 1], [0, float("nan")], [0, float("inf")], [1, 2, 3]])
def test_a_range_that_is_none_is_refused(wrong: list[float], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^data\.value_range=.*: must be black and a larger white, such as \[0,65535\]"
    ):
        ImageFolder(str(tmp_path), value_range=wrong)


@pytest.mark.parametrize("values", [lambda v: v.astype(np.int32) * 999 - 5000, lambda v: v.astype(np.float32) / 999])
def test_integers_of_32_bits_and_floats_have_a_range_too(values: Any, tmp_path: Path) -> None:
    data = ready(write(tmp_path, values, "tif"), cache=True)
    assert data.spec.value_range is not None
    black, white = data.spec.value_range
    assert black == min(0, values(np.array(0)))
    assert white == pytest.approx(float(values(np.array(249))))
    _, inputs = read(open_inputs(tmp_path / "cat", data.spec, 5))
    assert len(inputs) == 12
    assert inputs.std() > 0.5


def test_ranges_are_measured_once_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, measured = write(tmp_path, lambda values: values), []
    real = bit_depths._range
    monkeypatch.setattr(bit_depths, "_range", lambda path, remedy: measured.append(path.name) or real(path, remedy))
    for _ in range(2):
        ready(root)
    assert len(measured) == 24
    Image.fromarray(grey(5)).save(root / "cat" / "07.png")
    ready(root)
    assert measured[24:] == ["07.png"]
    (root / bit_depths.RECORD).write_text('{"cat/00.png": [1]}')
    ready(root)
    assert len(measured) == 25 + 24


def test_arrays_of_pixels_are_in_the_values_of_the_files(tmp_path: Path) -> None:
    root = write(tmp_path / "a", lambda values: values * 16)
    spec = ready(root, channels=1, size=12, cache=True).spec
    _, expected = read(open_inputs(root / "cat", spec, 20))
    values = np.stack([grey(number) for number in range(12)])[:, None] * 16
    for kind in (np.uint16, np.int64):
        _, inputs = read(open_inputs(save(tmp_path / "a.npy", values.astype(kind)), spec, 20))
        assert torch.allclose(inputs, expected, atol=1e-5)
    _, inputs = read(open_inputs(save(tmp_path / "a.npy", values / spec.value_range[1]), spec, 20))
    assert torch.allclose(inputs, expected, atol=1e-5)
    mixed = replace(spec, mixed_depths=True)
    _, inputs = read(open_inputs(save(tmp_path / "a.npy", (values / 16).astype(np.uint8)), mixed, 20))
    assert torch.allclose(inputs * spec.std[0] + spec.mean[0], torch.from_numpy(values / 16 / 255).float(), atol=1e-5)


def test_arrays_of_other_values_than_the_files_are_refused_or_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = ready(write(tmp_path / "a", lambda values: values * 16), channels=1, size=12, cache=True).spec
    values = np.stack([grey(number) for number in range(3)])[:, None]
    shallow = save(tmp_path / "8.npy", values.astype(np.uint8))
    for path in (shallow, save(tmp_path / "one.npy", values[0].astype(np.uint8))):
        with pytest.raises(
            UserError, match=r"8 bits a channel \(uint8\), and .* images with more \(black 0, white 3,984"
        ):
            open_inputs(path, spec, 2)
    read(open_inputs(save(tmp_path / "16.npy", values * 16), spec, 2))
    read(open_inputs(shallow, replace(spec, mixed_depths=True), 2))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    for mixed in (True, False):
        caplog.clear()
        values[1] = 300
        deep = replace(spec, mixed_depths=mixed)
        _, inputs = read(open_inputs(save(tmp_path / "16.npy", values * 16), deep, 2))
        assert "1 images, such as 1, hold values far beyond those of training (black 0, white 3,984)" in caplog.text
        assert inputs[1].min() * spec.std[0] + spec.mean[0] == pytest.approx(4800 / 3984), "is not clipped"


def test_prediction_counts_what_is_far_beyond_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write(tmp_path / "a", lambda values: values)
    spec = ready(root, cache=True).spec
    shutil.rmtree(root / "dog")
    write_png(root / "cat" / "bright.png", np.full((12, 12, 1), 60000, np.uint16))
    write_png(root / "cat" / "little.png", np.full((12, 12, 1), 255, np.uint16))
    write_image(root / "cat" / "flat.png")
    with caplog.at_level(logging.WARNING):
        inputs = open_inputs(root, spec, 4)
        names, values = read(inputs)
    assert (
        "1 images, such as cat/bright.png, hold values far beyond those of training (black 0, white 249)" in caplog.text
    )
    assert values[names.index("cat/bright.png")].min() > 100, "is not clipped"
    assert "8 bits a channel, and the images of training have more" in inputs.unreadable["cat/flat.png"]


def test_transforms_get_values_from_black_to_white(tmp_path: Path) -> None:
    seen: list[Tensor] = []
    steps = [v2.Resize(10), v2.Lambda(lambda image: seen.append(image) or image), v2.CenterCrop(10)]
    data = ready(write(tmp_path, lambda values: values * 4), eval_transform=steps, train_transform=[v2.RandomCrop(10)])
    assert inputs_of(data, "train").shape == (16, 3, 10, 10)
    inputs_of(data)
    assert all(image.dtype == torch.float32 and image.min() >= 0 and 0.7 < image.max() <= 1 for image in seen)
    with pytest.raises(UserError, match=r"data\.train_transform: makes uint8 3×10×10 .* must make float32 3×10×10$"):
        ready(tmp_path, train_transform=[v2.RandomCrop(10), v2.ToDtype(torch.uint8, scale=True)])
