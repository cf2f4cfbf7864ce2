import json
import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from leyden.config import compose
from leyden.data import broken
from leyden.data.augment import Augment
from leyden.data.folder import ImageFolder
from leyden.errors import UserError
from tests.picture_files import pixels, write_folders, write_picture


def ready(root: Path, **settings: Any) -> ImageFolder:
    data = ImageFolder(str(root), **{"size": 12, "eval_batch_size": 5, "num_workers": 0} | settings)
    data.prepare_data()
    data.setup()
    return data


def sizes(data: ImageFolder) -> dict[str, int]:
    return {name: len(labels) for name, (_, labels) in data.splits.items()}


def seen(data: ImageFolder, split: str) -> list[tuple[bytes, int]]:
    """Each picture that the loader of a split hands out, as it lies in its file, with its label."""
    loader = getattr(data, f"{split}_dataloader")()
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.spec.mean, data.spec.std))
    return [
        (((picture * std + mean) * 255).round().byte().numpy().tobytes(), int(label))
        for pictures, labels in loader
        for picture, label in zip(pictures, labels, strict=True)
    ]


def made(label: int, number: int, part: str = "train") -> tuple[bytes, int]:
    seed = 1000 * label + number + {"val": 300, "test": 600}.get(part, 0)
    return pixels(seed).transpose(2, 0, 1).tobytes(), label


@pytest.mark.parametrize("cache", [True, False])
def test_official_parts_are_kept_apart_and_pictures_keep_their_labels(cache: bool, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=4, val=2, test=3)
    data = ready(root, cache=cache, train_transform=None if cache else [])
    assert sizes(data) == {"train": 12, "val": 6, "test": 9}
    assert data.spec.class_names == ("cat", "dog", "emu")
    assert data.describe() == "ImageFolder: 12 train, 6 val, 9 test; 3×12×12 pictures of 3 classes"
    for part, number in (("val", 2), ("test", 3)):
        assert seen(data, part) == [made(label, n, part) for label in range(3) for n in range(number)]
    assert sorted(seen(data, "train")) == sorted(made(label, n) for label in range(3) for n in range(4))


@pytest.mark.parametrize("cache", [True, False])
def test_evaluation_is_resize_and_centre_crop_as_pillow_does_them(cache: bool, tmp_path: Path) -> None:
    shapes = [(40, 60), (60, 40), (31, 31), (16, 90)]
    for name in ("a", "b"):
        for number, shape in enumerate(shapes * 2):
            write_picture(tmp_path / "train" / name / f"{number}.png", number, *shape)
            write_picture(tmp_path / "test" / name / f"{number}.png", number, *shape)
    data = ready(tmp_path, size=16, resize=20, cache=cache)
    expected = []
    for number, (height, width) in enumerate(shapes * 2):
        small = (int(20 * width / height), 20) if height < width else (20, int(20 * height / width))
        resized = Image.fromarray(pixels(number, height, width)).resize(small, Image.Resampling.BILINEAR)
        top, left = round((small[1] - 16) / 2), round((small[0] - 16) / 2)
        expected.append(np.asarray(resized)[top : top + 16, left : left + 16].transpose(2, 0, 1).tobytes())
    assert [picture for picture, _ in seen(data, "test")] == expected * 2
    assert (data.spec.input_shape, data.spec.resize) == ((3, 16, 16), 20)


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    data = ready(write_folders(tmp_path, train=6, test=2), channels=1)
    assert data.spec.input_shape == (1, 12, 12)
    assert len(data.spec.mean) == len(data.spec.std) == 1
    grey = np.asarray(Image.fromarray(pixels(600)).convert("L"))
    assert seen(data, "test")[0] == (grey.tobytes(), 0)


def test_training_crops_are_new_each_epoch_and_the_same_with_any_workers(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=8, test=2)

    def epochs(**settings: Any) -> list[Tensor]:
        data = ready(root, batch_size=5, augment=Augment(horizontal_flip=0.5), **settings)
        loader = data.train_dataloader()
        result = [torch.cat([pictures for pictures, _ in loader]) for _ in range(2)]
        data.teardown()
        return result

    first, second = epochs()
    assert not torch.equal(first, second)
    for workers in (1, 2):
        assert all(map(torch.equal, epochs(num_workers=workers), (first, second)))
    assert not torch.equal(epochs(seed=1)[0], first)


class Nothing(pl.LightningModule):
    """Trains one number, so that Lightning goes through its loops."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.met: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        self.met.append(batch[0])
        return self.weight * batch[0].mean()

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None: ...

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize("limit", [1.0, 2])
def test_no_worker_outlives_a_fit_also_when_epochs_are_cut_short(limit: float, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=8, test=2)
    met = []
    for workers in (0, 2):
        data, module = ready(root, num_workers=workers, batch_size=4), Nothing()
        trainer = pl.Trainer(
            max_epochs=2,
            limit_train_batches=limit,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, datamodule=data)
        assert multiprocessing.active_children() == []
        trainer.test(module, datamodule=data, verbose=False)
        assert multiprocessing.active_children() == []
        met.append(torch.cat(module.met))
    assert torch.equal(*met)


def test_inputs_that_vary_are_told(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6)
    flips = Augment(horizontal_flip=0.5)
    assert ready(root).augmented
    assert ready(root, train_transform=[], augment=flips).augmented
    assert ready(root, cache=True, augment=flips).augmented
    assert not ready(root, cache=True, augment=Augment()).augmented
    assert not ready(root, train_transform=[]).augmented


def test_transforms_of_the_user_are_used_for_their_split(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    invert, crop = v2.RandomInvert(p=1.0), v2.CenterCrop(8)
    data = ready(root, size=8, train_transform=[crop, invert], eval_transform=[crop])
    inner = pixels(600)[2:10, 2:10].transpose(2, 0, 1)
    assert seen(data, "test")[0][0] == inner.tobytes()
    inverted = (255 - pixels(number)[2:10, 2:10].transpose(2, 0, 1) for number in range(6))
    assert {picture for picture, label in seen(data, "train") if not label} <= {each.tobytes() for each in inverted}


@pytest.mark.parametrize("cache", [True, False])
def test_mean_and_deviation_are_those_of_the_training_split(cache: bool, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=10, test=2)
    data = ready(root, cache=cache, train_transform=None if cache else [], val_size=9)
    stored = np.stack([np.frombuffer(picture, np.uint8).reshape(3, -1) for picture, _ in seen(data, "train")]) / 255
    assert len(stored) == 21
    assert data.spec.mean == pytest.approx(stored.mean(axis=(0, 2)))
    assert data.spec.std == pytest.approx(stored.std(axis=(0, 2)))


def test_of_many_pictures_mean_and_deviation_are_those_of_a_sample(tmp_path: Path, monkeypatch: Any) -> None:
    root = write_folders(tmp_path, train=10, test=2)
    whole = ready(root).spec
    monkeypatch.setattr("leyden.data.decoded._SAMPLE", 12)
    sample = ready(root).spec
    assert sample.mean != whole.mean
    assert sample.mean == pytest.approx(whole.mean, abs=0.1)
    assert sample == ready(root, seed=5).spec


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
            write_picture(tmp_path / name / file, number)
        write_picture(tmp_path / name / ".hidden.png")
        write_picture(tmp_path / name / ".cache" / "1.png")
        (tmp_path / name / "notes.txt").write_text("no picture")
    write_picture(tmp_path / ".git" / "1.png")
    data = ready(tmp_path, test_size=2, val_size=2)
    assert sizes(data) == {"train": 10, "val": 2, "test": 2}
    assert data.spec.class_names == ("a", "b")


def test_broken_pictures_are_named_or_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    (root / "train/cat/000.png").write_bytes(b"")
    (root / "train/dog/001.png").write_bytes((root / "train/dog/001.png").read_bytes()[:-30])
    (root / "test/emu/001.png").write_text("no picture")
    (root / "train/emu/004.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(UserError) as refusal:
        ready(root)
    message = str(refusal.value)
    assert "\n" not in message
    assert "4 of 25 pictures cannot be read: train/cat/000.png (empty), train/dog/001.png (" in message
    assert message.endswith(", …; delete them, or leave them out with data.skip_broken=true")
    with caplog.at_level(logging.WARNING):
        data = ready(root, skip_broken=True)
    assert "4 of 25 pictures" in caplog.text
    assert sum(sizes(data).values()) == 21
    with pytest.raises(UserError, match=r"000\.png: cannot be read .* delete it"):
        seen(ready(root, verify=False, val_size=0, cache=True), "train")


def test_a_picture_is_checked_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_folders(tmp_path, train=3, test=2)
    checked: list[str] = []
    read = broken.read_picture
    monkeypatch.setattr(
        broken, "read_picture", lambda path, channels: (checked.append(path.name), read(path, channels))
    )
    (root / "test/cat/001.png").write_bytes(b"broken")
    for _ in range(2):
        with pytest.raises(UserError, match="1 of 15"):
            ready(root)
    assert len(checked) == 15
    write_picture(root / "test/cat/001.png", 7)
    write_picture(root / "train/dog/new.png", 7)
    ready(root)
    assert checked[15:] == ["new.png", "001.png"]
    record = json.loads((root / broken.RECORD).read_text())
    assert len(record) == 16
    (root / broken.RECORD).write_text("[1, 2")
    ready(root)
    assert len(checked) == 17 + 16
    ready(root, verify=False)
    assert len(checked) == 17 + 16


def test_a_folder_that_is_only_to_be_read_is_checked_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_folders(tmp_path, train=3)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(Path, "write_text", refuse)
    ready(root)
    assert {path.name for path in root.iterdir()} == {"train"}


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
