import logging
import multiprocessing
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from leyden.data.loader import TensorLoader
from leyden.data.workers import WorkerLoader
from leyden.system.errors import UserError
from myproject.data.augment import Augment
from tests.helpers.image_files import made, pixels, ready, seen, write_folders, write_image


@pytest.mark.parametrize("cache", [True, False])
def test_evaluation_is_resize_and_centre_crop_as_pillow_does_them(cache: bool, tmp_path: Path) -> None:
    shapes = [(40, 60), (60, 40), (31, 31), (16, 90)]
    for name in ("a", "b"):
        for number, shape in enumerate(shapes * 2):
            write_image(tmp_path / "train" / name / f"{number}.png", number, *shape)
            write_image(tmp_path / "test" / name / f"{number}.png", number, *shape)
    data = ready(tmp_path, size=16, resize=20, cache=cache)
    expected = []
    for number, (height, width) in enumerate(shapes * 2):
        small = (int(20 * width / height), 20) if height < width else (20, int(20 * height / width))
        resized = Image.fromarray(pixels(number, height, width)).resize(small, Image.Resampling.BILINEAR)
        top, left = round((small[1] - 16) / 2), round((small[0] - 16) / 2)
        expected.append(np.asarray(resized)[top : top + 16, left : left + 16].transpose(2, 0, 1).tobytes())
    assert [image for image, _ in seen(data, "test")] == expected * 2
    assert (data.spec.input_shape, data.spec.resize) == ((3, 16, 16), 20)


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
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
        result = [torch.cat([images for images, _ in loader]) for _ in range(2)]
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
    assert {image for image, label in seen(data, "train") if not label} <= {each.tobytes() for each in inverted}


@pytest.mark.parametrize("cache", [True, False])
def test_mean_and_deviation_are_those_of_the_training_split(cache: bool, tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=10, test=2)
    data = ready(root, cache=cache, train_transform=None if cache else [], val_size=9)
    stored = np.stack([np.frombuffer(image, np.uint8).reshape(3, -1) for image, _ in seen(data, "train")]) / 255
    assert len(stored) == 21
    assert data.spec.mean == pytest.approx(stored.mean(axis=(0, 2)))
    assert data.spec.std == pytest.approx(stored.std(axis=(0, 2)))


def test_of_many_images_mean_and_deviation_are_those_of_a_sample(tmp_path: Path, monkeypatch: Any) -> None:
    root = write_folders(tmp_path, train=10, test=2)
    whole = ready(root).spec
    monkeypatch.setattr("leyden.data.decoded._SAMPLE", 12)
    sample = ready(root).spec
    assert sample.mean != whole.mean
    assert sample.mean == pytest.approx(whole.mean, abs=0.1)
    assert sample == ready(root, seed=5).spec


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({"val_size": 2, "test_size": 3}, ["val"]),
        ({"val_size": 0, "test_size": 2}, ["test"]),
        ({"val_size": 0, "test_size": 0}, []),
        ({"val_size": 2, "test_size": 2, "train_size": 2}, ["train", "val", "test"]),
    ],
)
def test_a_class_that_a_split_lacks_is_told(
    settings: dict[str, Any], lacking: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = ready(write_folders(tmp_path, train=8), **settings)
    absent = {split: {0, 1, 2} - set(labels.tolist()) for split, (_, labels) in data.splits.items()}
    names = {split: data.spec.class_names[labels.pop()] for split, labels in absent.items() if len(labels) == 1}
    told = "; ".join(f"{split} has no images of {names[split]}" for split in lacking)
    assert caplog.messages == ([f"data: {told}"] if lacking else [])


def test_of_many_classes_that_a_split_lacks_some_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in "abcdefg":
        for number in range(3):
            write_image(tmp_path / name / f"{number}.png", number)
    data = ready(tmp_path, val_size=1, test_size=0)
    absent = [name for number, name in enumerate("abcdefg") if number != data.splits["val"][1]]
    assert caplog.messages == [f"data: val has no images of {', '.join(absent[:4])} and 2 more"]


@pytest.mark.parametrize(("most", "held"), [(24 * 432, True), (24 * 432 - 1, False)])
def test_what_is_small_is_held_in_memory_where_that_is_left_open(
    most: int, held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    monkeypatch.setattr("leyden.data.decoded._MOST", most)
    with caplog.at_level(logging.INFO, logger="leyden"):
        data = ready(root, cache=None)
    told = "decoded once and held in memory" if held else "decoded anew for each epoch"
    assert caplog.messages[-1] == f"data.cache=null: 0 MiB of images are {told}"
    assert isinstance(data.train_dataloader(), TensorLoader if held else WorkerLoader)
    assert data.augmented != held
    assert seen(data, "test")[1] == made(0, 1, "test")
    assert isinstance(ready(root, cache=None, train_transform=[]).train_dataloader(), WorkerLoader)


def test_what_memory_cannot_hold_is_one_line(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    with pytest.raises(UserError, match=r"^data\.size=3000000: 14 images take 352,[^\n]* data\.cache=false$"):
        ready(root, size=3_000_000, cache=True, val_size=4)
