import functools
import gc
import logging
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from leyden.config.compose import compose
from leyden.data.vision import CLASSIFICATION, TorchvisionImages, labels_of
from leyden.system.errors import UserError
from tests.helpers.image_files import (
    write_dtd,
    write_eurosat,
    write_fer2013,
    write_food101,
    write_gtsrb,
    write_usps,
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


LAYOUTS: dict[str, tuple[Callable[[Path], None], dict[str, Any], tuple[int, int, int], tuple[str, ...]]] = {
    "USPS": (write_usps, {"channels": 1}, (27, 3, 10), tuple("0123456789")),
    "EuroSAT": (write_eurosat, {"test_size": 6}, (22, 2, 6), ("Forest", "River", "SeaLake")),
    "Food101": (write_food101, {"size": 10}, (14, 2, 4), ("apple_pie", "waffles")),
    "DTD": (write_dtd, {}, (12, 6, 8), ("banded", "woven")),
    "GTSRB": (write_gtsrb, {}, (13, 2, 4), ("0", "1", "2")),
}


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_data_sets_of_each_kind_are_read_and_split(name: str, cache: bool, tmp_path: Path) -> None:
    write, settings, sizes, names = LAYOUTS[name]
    write(tmp_path)
    data = TorchvisionImages(str(tmp_path), name, cache=cache, num_workers=0, **settings)
    data.prepare_data()
    data.setup()
    if names[0] == "0":
        names = tuple(f"{number}" for number in range(len(names)))
    assert tuple(len(labels) for _, labels in data.splits.values()) == sizes
    assert tuple(name.rpartition(" - ")[2] for name in data.spec.class_names)[: len(names)] == names
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for images, labels in loader:
            assert images.shape[1:] == data.spec.input_shape
            assert labels.max() < data.spec.output_size
    assert data.describe().startswith(f"TorchvisionImages: {sizes[0]} train")


def test_images_are_those_of_the_data_set(tmp_path: Path) -> None:
    write_dtd(tmp_path)
    data = TorchvisionImages(str(tmp_path), "DTD")
    data.setup()
    official = datasets.DTD(tmp_path, split="test")
    for place, (image, label) in enumerate(official):
        assert torch.equal(data.splits["test"][0][place], torch.from_numpy(np.asarray(image)).permute(2, 0, 1))
        assert data.splits["test"][1][place] == label


def test_a_size_is_reached_by_resize_and_centre_crop(tmp_path: Path) -> None:
    write_food101(tmp_path)
    data = TorchvisionImages(str(tmp_path), "Food101", size=10, resize=11, channels=1)
    data.setup()
    image = datasets.Food101(tmp_path, split="test")[0][0].convert("L")
    small = image.resize((int(11 * 20 / image.height), 11), Image.Resampling.BILINEAR)
    left = round((small.width - 10) / 2)
    expected = np.asarray(small)[0:10, left : left + 10]  # (11 − 10) / 2 is rounded to the even 0
    assert np.array_equal(data.splits["test"][0][0, 0].numpy(), expected)


def test_images_of_several_sizes_need_one(tmp_path: Path) -> None:
    write_food101(tmp_path)
    data = TorchvisionImages(str(tmp_path), "Food101")
    with pytest.raises(UserError, match=r"^data\.size=null: there are images of 3×\d+×20 and of .*give data\.size"):
        data.setup()


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_without_files_and_network_one_line_names_data_set_and_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        TorchvisionImages(str(tmp_path), name).prepare_data()
    message = str(refusal.value)
    assert message.startswith(f"data.name={name}: ")
    assert "\n" not in message
    assert str(tmp_path) in message or "pip install" in message
    assert "nknown value" not in message  # of a split that the data set does not have


def test_files_that_are_cut_off_are_one_line(tmp_path: Path) -> None:
    write_usps(tmp_path)
    (tmp_path / "usps.t.bz2").write_bytes((tmp_path / "usps.t.bz2").read_bytes()[:-50])
    with pytest.raises(UserError, match=r"^data\.name=USPS: is not whole in [^\n]*$"):
        TorchvisionImages(str(tmp_path), "USPS").prepare_data()


def test_a_image_that_was_not_extracted_is_one_line(tmp_path: Path) -> None:
    write_dtd(tmp_path)
    (tmp_path / "dtd/dtd/images/woven/woven_9.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"^data\.name=DTD: image 22 cannot be read [^\n]*extracted again$"):
        TorchvisionImages(str(tmp_path), "DTD").setup()


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_each_part_is_asked_for_by_an_argument_that_the_data_set_takes(name: str, tmp_path: Path) -> None:
    make = getattr(datasets, name)
    for value in CLASSIFICATION[name]:
        if isinstance(value, str):
            with pytest.raises((OSError, RuntimeError, ImportError, ValueError)) as error:
                make(tmp_path, split=value)
            assert "nknown value" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["VOCSegmentation", "CocoDetection", "Kitti", "Cityscapes", "UCF101", "Omniglot", "INaturalist"]
)
def test_data_sets_that_are_not_supported_are_refused_with_those_that_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^data\.name={name}: is not among those supported here: Caltech101, .*USPS$"):
        TorchvisionImages(str(tmp_path), name)


@pytest.mark.parametrize("name", ["EMNIST", "QMNIST"])
def test_data_sets_with_settings_of_their_own_are_pointed_to(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^data\.name={name}: .*; use data={name.lower()}$"):
        TorchvisionImages(str(tmp_path), name)


def test_a_test_set_without_labels_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_fer2013(tmp_path, monkeypatch)
    data = TorchvisionImages(str(tmp_path), "FER2013", channels=1)
    with caplog.at_level(logging.INFO, logger="leyden"):
        data.setup()
    assert {split: len(labels) for split, (_, labels) in data.splits.items()} == {"train": 14, "val": 2, "test": 4}
    assert data.spec.class_names == ("0", "1")
    assert "data.name=FER2013: its test set has no labels" in caplog.text


def test_what_is_held_in_memory_is_held_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_usps(tmp_path)
    made: list[weakref.ref[Any]] = []
    usps = datasets.USPS
    monkeypatch.setattr(datasets, "USPS", functools.wraps(usps)(lambda *a, **k: kept(usps(*a, **k), made)))
    data = TorchvisionImages(str(tmp_path), "USPS", channels=1)
    data.prepare_data()
    data.setup()
    data.prepare_data()  # as Lightning does, once more
    gc.collect()
    assert [dataset() for dataset in made] == [None, None]
    assert (data.spec.input_shape, data.spec.output_size) == ((1, 16, 16), 10)


def kept(dataset: Any, references: list[Any]) -> Any:
    references.append(weakref.ref(dataset))
    return dataset


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.name=Flowers: .* did you mean data\.name=Flowers102\?"):
        TorchvisionImages(str(tmp_path), "Flowers")


def test_labels_are_found_wherever_a_data_set_keeps_them() -> None:
    class Kept:
        def __init__(self, name: str, values: object) -> None:
            setattr(self, name, values)

    class Decoded:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, number: int) -> tuple[None, int]:
            return None, number * 2

    assert labels_of(Kept("labels", np.array([3, 1]))).tolist() == [3, 1]
    for name in ("targets", "_labels", "y"):
        assert labels_of(Kept(name, [3, 1])).tolist() == [3, 1]
    for name in ("samples", "_samples"):
        assert labels_of(Kept(name, [("a.png", 3), ("b.png", 1)])).tolist() == [3, 1]
    assert labels_of(Decoded()).tolist() == [0, 2, 4]


def test_the_config_asks_for_a_name() -> None:
    with pytest.raises(UserError, match=r"data\.name: no value given"):
        compose(["data=torchvision"])
    assert compose(["data=torchvision", "data.name=SVHN"]).config["data"]["root"] == "data"
