"""What a person may get wrong about a folder of images: one line that names it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.transforms import v2

from leyden.data.folder import ImageFolder
from leyden.system.errors import UserError
from tests.helpers.image_files import write_folders, write_image


def set_up(root: Path, settings: dict[str, Any]) -> None:
    data = ImageFolder(str(root), **{"size": 12, "num_workers": 0} | settings)
    data.prepare_data()
    data.setup()


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir(parents=True)


def replace_by_file(root: Path) -> None:
    shutil.rmtree(root)
    root.write_text("")


def without_classes(root: Path) -> None:
    empty(root / "train")


def loose(root: Path) -> None:
    empty(root / "train")
    write_image(root / "train" / "1.png")


def only_text(root: Path) -> None:
    for name in ("cat", "dog", "emu"):
        empty(root / "train" / name)
        (root / "train" / name / "1.txt").write_text("")


def rename(*pairs: tuple[str, str]) -> Callable[[Path], object]:
    return lambda root: [(root / old).rename(root / new) for old, new in pairs]


def beside(name: str) -> Callable[[Path], object]:
    return lambda root: write_image(root / name / "cat" / "1.png")


def break_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"broken")


FOLDERS: dict[str, tuple[Callable[[Path], object], dict[str, Any], str]] = {
    "no folder": (shutil.rmtree, {}, r"data\.root=.*images: no such folder"),
    "a file": (replace_by_file, {}, r"data\.root=.*images: is a file, not a folder"),
    "nothing in it": (empty, {}, r"no folders of classes"),
    "no classes": (without_classes, {}, r"train: it has no folders of classes"),
    "no class folders": (loose, {}, r"train: there are images in it; put each into a folder"),
    "one class": (
        lambda root: [shutil.rmtree(root / "train" / name) for name in ("dog", "emu")],
        {},
        r"train: there is only one class, cat",
    ),
    "no images": (
        only_text,
        {},
        r"train: there are no images \(jpg, .*, but files .*: 3 \.txt \(train/cat/1\.txt\); convert them",
    ),
    "an empty class": (lambda root: empty(root / "train/dog"), {}, r"train/dog: there are no images of this class"),
    "hidden images": (
        lambda root: [path.rename(path.with_name("." + path.name)) for path in (root / "train/dog").iterdir()],
        {},
        r"train/dog: there are no images of this class",
    ),
    "a class of val only": (
        lambda root: write_image(root / "val/yak/1.png"),
        {},
        r"val/yak: there is no class yak in .*train",
    ),
    "a class of test only": (lambda root: write_image(root / "test/yak/1.png"), {}, r"test/yak: there is no class"),
    "a class that is spelt otherwise": (
        lambda root: (root / "test/cat").rename(root / "test/Cat"),
        {},
        r"test/Cat: there is no class Cat",
    ),
    "a class not in val": (lambda root: shutil.rmtree(root / "val/emu"), {}, r"val/emu: there are no images of this"),
    "an empty class of val": (lambda root: empty(root / "val/emu"), {}, r"val/emu: there are no images of this"),
    "an empty val": (lambda root: empty(root / "val"), {}, r"val/cat: there are no images"),
    "an empty test": (lambda root: empty(root / "test"), {}, r"test: there are no images; .* delete the folder"),
    "no train": (lambda root: shutil.rmtree(root / "train"), {}, r"has a folder test, but none called train"),
    "valid for val": (lambda root: (root / "val").rename(root / "valid"), {}, r"rename its folder valid to val"),
    "training for train": (
        lambda root: (root / "train").rename(root / "training"),
        {},
        r"rename its folder training to train",
    ),
    "capital letters": (
        rename(("train", "Train"), ("val", "Val"), ("test", "Test")),
        {},
        r"rename its folder Test to test, Train to train, Val to val",
    ),
    "sets": (
        lambda root: [rename(("train", "training_set"), ("test", "test_set"))(root), shutil.rmtree(root / "val")],
        {},
        r"rename its folder test_set to test, training_set to train",
    ),
    "a word before": (
        lambda root: [rename(("train", "seg_train"), ("test", "seg_test"), ("val", "pred"))(root)],
        {},
        r"rename its folder seg_test to test, seg_train to train",
    ),
    "Training beside no part": (
        lambda root: [rename(("train", "Training"), ("test", "more"))(root), shutil.rmtree(root / "val")],
        {},
        r"rename its folder Training to train$",
    ),
    "test without train": (
        lambda root: [rename(("test", "Test"))(root), [shutil.rmtree(root / part) for part in ("train", "val")]],
        {},
        r"has a folder Test, but none called train",
    ),
    "Test beside train": (rename(("test", "Test")), {}, r"rename its folder Test to test"),
    "validate beside train": (rename(("val", "validate")), {}, r"rename its folder validate to val"),
    "eval beside train": (rename(("val", "eval")), {}, r"rename its folder eval to val or test"),
    "two for val": (beside("validation"), {}, r"its folders val and validation are both for val; move one away"),
    "an unknown part": (beside("holdout"), {}, r"its folder holdout is beside train, and is neither val nor test"),
    "parts by unknown names": (
        lambda root: [rename(("train", "first"), ("test", "second"))(root), shutil.rmtree(root / "val")],
        {},
        r"first and second hold the same folders, cat, dog, …, and no images beside them; .* train, val and test",
    ),
    "a broken image": (
        lambda root: (root / "train/cat/001.png").write_bytes(b"broken"),
        {},
        r"1 of 42 images cannot be read: train/cat/001\.png \(cannot identify.*data\.skip_broken=true",
    ),
    "a broken class": (
        lambda root: break_all(root / "train/cat"),
        {"skip_broken": True},
        r"train/cat: there are no images of this class",
    ),
    "an unknown class": (
        lambda _: None,
        {"classes": ["cat", "dgo"]},
        r"data\.classes: there is no class dgo; did .*dog",
    ),
    "one chosen class": (lambda _: None, {"classes": ["cat"]}, r"data\.classes=\['cat'\]: give two or more"),
    "size 0": (lambda _: None, {"size": 0}, r"data\.size=0: must be at least 1"),
    "resize below size": (lambda _: None, {"resize": 8}, r"data\.resize=8: must be at least data\.size=12"),
    "a transform with cache": (
        lambda _: None,
        {"cache": True, "train_transform": [v2.RandomCrop(12)]},
        r"data\.train_transform: .*data\.cache=true; use data\.augment",
    ),
    "skip without verify": (lambda _: None, {"verify": False, "skip_broken": True}, r"data\.skip_broken=true"),
    "training images of another size": (
        lambda _: None,
        {"train_transform": [v2.CenterCrop(5)]},
        r"data\.train_transform: makes uint8 3×5×5 of an image, and must make uint8 3×12×12",
    ),
    "evaluated images of another type": (
        lambda _: None,
        {"eval_transform": [v2.ToImage(), v2.ToDtype(torch.float32)]},
        r"data\.eval_transform: makes float32 3×12×12",
    ),
    "images of several sizes": (
        lambda root: write_image(root / "train/cat/000.png", 0, 10, 10),
        {"size": None, "cache": True},
        r"data\.size=null: there are images of 3×10×10 and of 3×12×12; give data\.size",
    ),
    "no such fold": (lambda _: None, {"fold": 7}, r"data\.fold=7: must be between 0 and 4"),
    "more folds than images": (lambda _: None, {"fold": 7, "folds": 1000}, r"data\.folds=1000"),
    "nothing left": (
        lambda root: shutil.rmtree(root / "val"),
        {"val_size": 24},
        r"data\.val_size=24: nothing is left to train on; of 24, add data\.val_size=4",
    ),
    "more than there is": (
        lambda root: [shutil.rmtree(root / part) for part in ("val", "test")],
        {"test_size": 100},
        r"data\.test_size=100: there are only 24",
    ),
}


@pytest.mark.parametrize(("spoil", "settings", "expected"), FOLDERS.values(), ids=FOLDERS.keys())
def test_a_mistake_is_one_line_that_names_it(
    spoil: Callable[[Path], object], settings: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    root = write_folders(tmp_path / "images", train=8, val=3, test=3)
    spoil(root)
    with pytest.raises(UserError, match=expected) as refusal:
        set_up(root, settings)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("data.")
