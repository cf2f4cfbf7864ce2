from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leyden.config.compose import compose
from leyden.system.errors import UserError
from tests.helpers.image_files import made, ready, seen, sizes, write_folders, write_image


@pytest.mark.parametrize("cache", [True, False])
def test_official_parts_are_kept_apart_and_images_keep_their_labels(cache: bool, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=4, val=2, test=3)
    data = ready(root, cache=cache, train_transform=None if cache else [])
    assert sizes(data) == {"train": 12, "val": 6, "test": 9}
    assert data.spec.class_names == ("cat", "dog", "emu")
    assert data.describe() == "ImageFolder: 12 train, 6 val, 9 test; 3×12×12, 3 classes"
    for part, number in (("val", 2), ("test", 3)):
        assert seen(data, part) == [made(label, n, part) for label in range(3) for n in range(number)]
    assert sorted(seen(data, "train")) == sorted(made(label, n) for label in range(3) for n in range(4))


@pytest.mark.parametrize(
    ("parts", "settings", "expected"),
    [
        ({"whole": 20}, {}, (43, 5, 12)),  # a fifth of 60, then a tenth of 48
        ({"whole": 20}, {"test_size": 6, "val_size": 3}, (51, 3, 6)),
        ({"train": 20}, {"test_size": 0, "val_size": 0}, (60, 0, 0)),
        ({"train": 20}, {"train_size": 9}, (9, 5, 12)),
        ({"train": 20, "test": 2}, {"val_size": 0.25}, (45, 15, 6)),
        ({"train": 20, "val": 2}, {"test_size": 0.5}, (30, 6, 30)),
        ({"train": 20, "val": 2, "test": 1}, {"train_size": 0.5}, (30, 6, 3)),
        ({"train": 20}, {"fold": 1, "folds": 4}, (41, 4, 15)),  # a fold is the test
        ({"train": 20, "test": 2}, {"fold": 1, "folds": 4}, (45, 15, 6)),  # or validation
        ({"train": 20, "val": 4, "test": 2}, {"fold": 0, "folds": 4}, (54, 18, 6)),  # of train and val together
        ({"train": 20, "val": 4}, {"fold": 0, "folds": 4}, (45, 12, 15)),
        ({"train": 20, "test": 2}, {"classes": ["emu", "cat"], "val_size": 4}, (36, 4, 4)),
    ],
)
def test_what_does_not_come_apart_is_split_by_class(
    parts: dict[str, int], settings: dict[str, Any], expected: tuple[int, ...], tmp_path: Path
) -> None:
    data = ready(write_folders(tmp_path, **parts), **settings)
    assert tuple(sizes(data).values()) == expected
    numbers = torch.cat([numbers for numbers, _ in data.splits.values()])
    assert len(numbers.unique()) == len(numbers)
    for _, labels in data.splits.values():
        assert np.ptp(torch.bincount(labels, minlength=data.spec.output_size).numpy()) <= 2


def test_the_folds_together_are_the_whole(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=10)
    tests = [ready(root, fold=fold).splits["test"][0] for fold in range(5)]
    assert torch.cat(tests).sort().values.tolist() == list(range(30))


def test_chosen_classes_are_counted_in_the_order_given(tmp_path: Path) -> None:
    data = ready(write_folders(tmp_path, train=6, test=2), classes=["emu", "cat"])
    assert data.spec.class_names == ("emu", "cat")
    assert seen(data, "test") == [(made(0, n, "test")[0], 1) for n in (0, 1)] + [
        (made(2, n, "test")[0], 0) for n in (0, 1)
    ]


def test_names_hidden_files_and_nested_folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number, file in enumerate(("1.PNG", "deep/er/2.png", "3.jpeg", "4.Gif", "5.tiff", "x.bmp", "y.webp")):
            write_image(tmp_path / name / file, number)
        write_image(tmp_path / name / ".hidden.png")
        write_image(tmp_path / name / ".cache" / "1.png")
        (tmp_path / name / "notes.txt").write_text("no image")
    write_image(tmp_path / ".git" / "1.png")
    data = ready(tmp_path, test_size=2, val_size=2)
    assert sizes(data) == {"train": 10, "val": 2, "test": 2}
    assert data.spec.class_names == ("a", "b")


def test_a_class_may_be_called_nearly_like_a_part(tmp_path: Path) -> None:
    names = ("Train", "bus", "invalid", "valid")
    for name in names:
        for number in range(10):
            write_image(tmp_path / name / f"{number}.png", number)
    assert ready(tmp_path).spec.class_names == names


def test_folders_without_images_may_lie_beside_the_parts(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    for name in ("annotations/cat/1.txt", "test_labels/1.csv"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("no image")
    assert sizes(ready(root))["test"] == 6


def test_images_may_lie_deeper_in_each_class(tmp_path: Path) -> None:
    for name in ("n01443537", "n01629819"):  # as in Tiny ImageNet
        for number in range(10):
            write_image(tmp_path / "train" / name / "images" / f"{number}.png", number)
    assert sum(sizes(ready(tmp_path)).values()) == 20


def test_the_config_takes_transforms_from_yaml(tmp_path: Path) -> None:
    crop = "{_target_: torchvision.transforms.v2.RandomCrop, size: 8}"
    settings = [f"data.root={tmp_path}", "data.size=8", f"data.train_transform=[{crop}]", "data.val_size=2"]
    config = compose(["data=image_folder", *settings]).config
    assert config["data"]["train_transform"][0]["size"] == 8
    for wrong in ("data.channels=2", "data.size=big", "data.cache=maybe", "data.train_transform=crop"):
        with pytest.raises(UserError, match=wrong.partition("=")[0]):
            compose(["data=image_folder", *settings, wrong])
    with pytest.raises(UserError, match=r"data\.root: no value given"):
        compose(["data=image_folder"])
