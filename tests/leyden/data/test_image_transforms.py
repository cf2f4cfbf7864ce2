"""Transforms by configuration on images in memory and on those of a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from leyden.data.image_files.decoding import Decoder
from leyden.data.images import Images
from leyden.data.loader import TensorLoader
from leyden.data.stored_images import StoredImages
from leyden.data.workers import WorkerLoader
from leyden.system.errors import UserError
from tests.helpers.image_files import ready, write_folders
from tests.leyden.helpers.noise_images import ColourNoise, Noise, noise, pixels_of

Make = Callable[..., Images]
INVERT = {"Lambda": "tests.leyden.helpers.noise_images.invert"}
TO_12 = [{"Resize": [12]}]


@pytest.fixture(autouse=True)
def _helpers_are_data_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"data": ("tests.leyden.helpers.noise_images",)}
    monkeypatch.setattr("leyden.records.project_functions.modules_of_functions", lambda section: modules[section])


@pytest.fixture(params=["grey in memory", "colour in memory", "folder"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Data sets whose images are 28×28."""
    if request.param == "folder":
        write_folders(tmp_path, train=8, test=2)
        resized = {"Resize": {"size": [28, 28]}}

        def folder(train_transform: Any = None, eval_transform: Any = None, **settings: Any) -> Images:
            train = None if train_transform is None else [resized, *train_transform]
            size = 24 if eval_transform == [{"CenterCrop": 24}] else 28
            evaluation = [resized, *(eval_transform or [])]
            return ready(tmp_path, size=size, train_transform=train, eval_transform=evaluation, val_size=3, **settings)

        return folder
    return lambda **settings: noise(ColourNoise if request.param == "colour in memory" else Noise, **settings)


RANDOM: dict[str, Any] = {
    "RandomCrop": {"RandomCrop": {"size": 28, "padding": 2}},
    "RandomResizedCrop": {"RandomResizedCrop": 28},
    "RandomRotation": {"RandomRotation": 20},
    "ColorJitter": {"ColorJitter": {"brightness": 0.4}},
    "RandomChoice": {"RandomChoice": [{"RandomRotation": 20}, "RandomHorizontalFlip"]},
    "RandomApply": {"RandomApply": {"transforms": [{"Pad": 2}, {"CenterCrop": 28}, INVERT], "p": 0.5}},
    "RandomOrder": {"RandomOrder": [{"RandomRotation": 20}, "RandomHorizontalFlip"]},
    "RandomErasing": {"RandomErasing": 0.9},
    "GaussianNoise": {"GaussianNoise": {"sigma": 0.2}},
    "RandAugment": "RandAugment",
}


@pytest.mark.parametrize("entry", RANDOM.values(), ids=RANDOM.keys())
def test_random_changes_are_drawn_for_each_image_and_epoch(entry: Any, make: Make) -> None:
    data = make(train_transform=[entry])
    loader = data.train_dataloader()
    assert isinstance(loader, WorkerLoader)
    first, second = (torch.cat([images for images, _ in loader]) for _ in range(2))
    assert first.shape[1:] == data.spec.input_shape
    assert not torch.equal(first.sort(0)[0], second.sort(0)[0])
    again = make(train_transform=[entry]).train_dataloader()
    assert torch.equal(torch.cat([images for images, _ in again]), first)
    assert data.augmented
    assert not torch.equal(pixels_of(make(train_transform=[entry], seed=1), "train"), pixels_of(data, "train"))


DETERMINISTIC: dict[str, tuple[list[Any], Callable[[Any], Any]]] = {
    "CenterCrop": ([{"CenterCrop": 24}], lambda image: F.center_crop(image, [24])),
    "Resize": ([{"CenterCrop": 20}, {"Resize": 28}], lambda image: F.resize(F.center_crop(image, [20]), [28])),
    "Lambda": ([INVERT], F.invert),
    "RandomInvert": ([{"RandomInvert": 1.0}, "ToTensor"], F.invert),
}


@pytest.mark.parametrize(("entries", "function"), DETERMINISTIC.values(), ids=DETERMINISTIC.keys())
def test_evaluation_is_transformed_the_same_in_each_split(
    entries: list[Any], function: Callable[[Any], Any], make: Make
) -> None:
    data, plain = (make(train_transform=given, eval_transform=given) for given in (entries, []))
    for split in ("val", "test"):
        images = StoredImages(pixels_of(plain, split).byte())
        expected = [v2.PILToTensor()(function(images(number))) for number in range(len(images.images))]
        assert torch.equal(pixels_of(data, split), torch.stack(expected).int())
    assert data.spec.input_shape == tuple(expected[0].shape)
    assert pixels_of(data, "train").shape[1:] == data.spec.input_shape


def test_normalize_replaces_the_statistics_of_all_splits(make: Make) -> None:
    stated, channels = {"Normalize": [0.25, 0.5]}, make().spec.input_shape[0]
    for settings in (
        {"train_transform": ["ToTensor", stated]},
        {"eval_transform": [stated]},
        {"train_transform": ["RandomHorizontalFlip", stated], "eval_transform": ["ToImage", stated]},
    ):
        data = make(**settings)
        assert (data.spec.mean, data.spec.std) == ((0.25,) * channels, (0.5,) * channels)
        images, _ = next(iter(data.loader("val")))
        assert images.min() >= -0.5
        assert images.max() <= 1.5
    other = {"Normalize": {"mean": [0.1] * channels, "std": [0.5] * channels}}
    with pytest.raises(UserError, match=r"Normalize is mean \[0\.25\], std \[0\.5\], and in data\.eval_transform mean"):
        make(train_transform=[stated], eval_transform=[other])
    with pytest.raises(UserError, match=r"Normalize has 2 means and 2 deviations, and the images \d channels?;"):
        make(train_transform=[{"Normalize": [[0.1, 0.2], [0.5, 0.5]]}])
    with pytest.raises(UserError, match=r"^data\.train_transform: Normalize must be the last of the list, once"):
        make(train_transform=[stated, "RandomErasing"])
    with pytest.raises(UserError, match=r"std=\[0\] must be greater than 0$"):
        make(train_transform=[{"Normalize": [0.1, 0]}])


@pytest.mark.parametrize(
    "entry",
    [
        {"RandomRotation": 10},
        {"ColorJitter": 0.1},
        {"RandomApply": {"transforms": [INVERT], "p": 0.01}},
        {"Compose": [{"RandomHorizontalFlip": 0.01}]},
        "RandAugment",
    ],
)
def test_random_changes_in_evaluation_are_refused(entry: Any, make: Make) -> None:
    with pytest.raises(
        UserError, match=r"^data\.eval_transform: \w+ changes images at random, .*data\.train_transform"
    ):
        make(eval_transform=[entry])


def test_mixed_classes_and_randaugment_are_for_training_only(make: Make) -> None:
    data = make(mixup=0.4, cutmix=1.0, randaugment={"num_ops": 1, "magnitude": 5})
    assert data.augmented
    images, targets = next(iter(data.train_dataloader()))
    assert targets.shape == (len(images), 3)
    assert torch.allclose(targets.sum(dim=1), torch.ones(len(images)))
    for split in ("val", "test"):
        assert torch.equal(pixels_of(data, split), pixels_of(make(), split))
        assert next(iter(data.loader(split)))[1].dim() == 1


def epoch_of(data: Images, start: int = 0) -> list[tuple[Tensor, Tensor]]:
    order = data.order("train") | {"epoch": lambda: 1, "start": lambda: start}
    return list(data.loader("train", **order))  # type: ignore[arg-type]  # a TypedDict


def test_an_epoch_that_is_resumed_has_the_same_bits_with_any_workers(make: Make) -> None:
    settings = {"train_transform": [RANDOM["RandomCrop"]], "randaugment": True, "mixup": 0.2, "batch_size": 5}
    whole = epoch_of(make(**settings))
    for workers in (0, 2):
        data = make(**settings | {"num_workers": workers})
        rest = epoch_of(data, start=2)
        data.teardown()
        assert len(rest) == len(whole) - 2
        assert all(
            torch.equal(a, b)
            for made, again in zip(whole[2:], rest, strict=True)
            for a, b in zip(made, again, strict=True)
        )


def test_two_images_of_a_batch_get_different_draws() -> None:
    class Same(Noise):
        def load(self, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train)
            return images[:1].expand_as(images).contiguous(), labels

    images = pixels_of(noise(Same, train_transform=[{"RandomRotation": 90}]), "train")
    assert len(images.flatten(1).unique(dim=0)) > 40


def test_without_transforms_of_its_own_training_indexes_tensors() -> None:
    plain = noise()
    for settings in (
        {},
        {"train_transform": ["ToTensor", {"Normalize": [0.1, 0.3]}]},
        {"eval_transform": TO_12},
        {"eval_transform": TO_12, "train_transform": TO_12},
    ):
        data = noise(**settings)
        assert type(data.train_dataloader()) is TensorLoader
        assert not data.augmented
        assert torch.equal(data.splits["train"][1], plain.splits["train"][1])
    assert data.spec.input_shape == (1, 12, 12)
    assert data.spec.stored_shape == (1, 28, 28)
    assert plain.spec.stored_shape is None


def test_digests_of_items_are_those_of_the_stored_images() -> None:
    plain, changed = noise(), noise(eval_transform=TO_12)
    assert all((plain.items[split] == changed.items[split]).all() for split in ("train", "val", "test"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"train_transform": [{"RandomCrop": 24}]},
            r"makes 1×24×24 of an image, and data\.eval_transform 1×28×28; both must make the same, as with "
            r"'data\.eval_transform=\[\{CenterCrop: 24\}\]'",
        ),
        (
            {"train_transform": [{"RandomResizedCrop": [32, [0.8, 1]]}]},
            r".*as with 'data\.eval_transform=\[\{Resize: 32\}\]'",
        ),
        (
            {"train_transform": ["RandomHorizontalFlip"], "eval_transform": [{"Resize": [12]}]},
            r"makes 1×28×28 of .* and data\.eval_transform 1×12×12; .*with \{CenterCrop: 12\} in data\.train_\w+",
        ),
        ({"train_transform": ["RGB"]}, r"makes 3×28×28 .*, as with \{Grayscale: 1\} or \{RGB: \{\}\} in the other"),
        (
            {"train_transform": [{"RandomChoice": [{"CenterCrop": 28}, {"CenterCrop": 20}]}]},
            r"makes images of 1×20×20 and of 1×28×28; all must have one size",
        ),
        ({"train_transform": [{"RandomCrop": 40}]}, r"RandomCrop cannot be applied: Required crop size .*"),
        ({"train_transform": [{"FiveCrop": 20}]}, r"makes a tuple of an image, and must make one image"),
        ({"train_transform": ["ToImage", {"ToDtype": "float32"}, INVERT]}, r"makes float32 1×28×28 from .*"),
    ],
)
def test_transforms_that_do_not_fit_are_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.train_transform: {message}$"):
        noise(**settings)


def test_statistics_other_than_those_of_the_network_are_refused() -> None:
    trained = noise().spec
    data = Noise("", val_size=12, eval_transform=[{"Normalize": [0.1, 0.3]}])
    data.reference_spec = trained
    with pytest.raises(UserError, match=r"^data: Normalize has statistics .*, and the network was trained with"):
        data.setup()


def test_images_of_other_channels_are_tensors() -> None:
    images = torch.randint(0, 256, (3, 5, 8, 8)).byte()
    decode = Decoder(StoredImages(images), [v2.RandomHorizontalFlip(1.0)], (5, 8, 8), "train_transform")
    assert torch.equal(decode(1), images[1].flip(-1))


def test_a_folder_of_one_size_takes_the_size_that_its_transforms_make(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    data = ready(root, size=None, train_transform=[{"RandomCrop": 8}], eval_transform=[{"CenterCrop": 8}])
    assert data.spec.input_shape == (3, 8, 8)
    assert pixels_of(data, "train").shape[1:] == pixels_of(data, "test").shape[1:] == (3, 8, 8)


def test_a_cached_folder_is_changed_by_randaugment_in_each_epoch(tmp_path: Path) -> None:
    data = ready(write_folders(tmp_path, train=6, test=2), cache=True, randaugment=True)
    loader = data.train_dataloader()
    first, second = (torch.cat([images for images, _ in loader]) for _ in range(2))
    assert not torch.equal(first, second)
    assert type(data.test_dataloader()) is TensorLoader


def test_another_size_than_that_of_a_folder_is_one_line(tmp_path: Path) -> None:
    root = write_folders(tmp_path, train=6, test=2)
    with pytest.raises(UserError, match=r"makes uint8 3×8×8 of .*; data\.size=12 must be that size$"):
        ready(root, train_transform=[{"RandomCrop": 8}])
