import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from leyden import InMemoryImages, Split
from myproject.data.augment import Augment
from myproject.data.mnist import MNIST


def ready(data: InMemoryImages) -> InMemoryImages:
    data.prepare_data()
    data.setup()
    return data


def contents(*splits: Split) -> Counter[tuple[bytes, int]]:
    """Every image with its label, and how often it occurs."""
    return Counter(
        (image.tobytes(), label)
        for images, labels in splits
        for image, label in zip(images.numpy(), labels.tolist(), strict=True)
    )


def mean_and_std(images: Tensor) -> tuple[float, float]:
    """Of values in [0, 1], from how often each of the 256 occurs."""
    often = torch.bincount(images.flatten(), minlength=256).double() / images.numel()
    values = torch.arange(256).double() / 255
    mean = (often * values).sum()
    return mean.item(), (often * (values - mean).square()).sum().sqrt().item()


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> InMemoryImages:
    return ready(MNIST(str(mnist_root), val_size=5000))


@pytest.fixture(scope="module")
def official(mnist_root: Path) -> dict[str, Split]:
    """The two parts as the .gz files hold them, read by nothing of ours or torchvision's."""

    def read(name: str, header: int) -> Tensor:
        content = gzip.decompress((mnist_root / "MNIST" / "raw" / f"{name}.gz").read_bytes())
        return torch.frombuffer(bytearray(content[header:]), dtype=torch.uint8)

    return {
        part: (
            read(f"{name}-images-idx3-ubyte", 16).view(-1, 1, 28, 28),
            read(f"{name}-labels-idx1-ubyte", 8).long(),
        )
        for part, name in (("train", "train"), ("test", "t10k"))
    }


def test_mnist_is_split_into_55000_5000_and_10000(mnist: InMemoryImages) -> None:
    assert {name: len(labels) for name, (_, labels) in mnist.splits.items()} == {
        "train": 55_000,
        "val": 5_000,
        "test": 10_000,
    }
    for images, labels in mnist.splits.values():
        assert images.shape == (len(labels), 1, 28, 28)
        assert images.dtype == torch.uint8
        assert labels.dtype == torch.int64
        assert labels.unique().tolist() == list(range(10))
    assert mnist.spec.input_shape == (1, 28, 28)
    assert mnist.spec.output_size == len(mnist.spec.class_names) == 10
    assert "55,000 train, 5,000 val, 10,000 test" in mnist.describe()


def test_the_test_split_is_the_official_one_item_for_item(mnist: InMemoryImages, official: dict[str, Split]) -> None:
    assert torch.equal(mnist.splits["test"][0], official["test"][0])
    assert torch.equal(mnist.splits["test"][1], official["test"][1])


def test_training_and_validation_are_the_official_training_part(
    mnist: InMemoryImages, official: dict[str, Split]
) -> None:
    assert contents(mnist.splits["train"], mnist.splits["val"]) == contents(official["train"])


def test_each_digit_has_the_same_share_in_training_and_validation(mnist: InMemoryImages) -> None:
    train, val = (torch.bincount(mnist.splits[name][1]) for name in ("train", "val"))
    assert ((train + val) * 5000 / 60000 - val).abs().max() <= 1


def test_mean_and_deviation_are_those_of_the_training_split(mnist: InMemoryImages, official: dict[str, Split]) -> None:
    mean, std = mean_and_std(mnist.splits["train"][0])
    assert mnist.spec.mean == pytest.approx((mean,), rel=1e-9)
    assert mnist.spec.std == pytest.approx((std,), rel=1e-9)
    mean, std = mean_and_std(official["train"][0])
    assert mnist.spec.mean != pytest.approx((mean,), rel=1e-6)
    assert mnist.spec.std != pytest.approx((std,), rel=1e-6)


def test_batches_are_normalised_and_only_training_is_augmented(mnist_root: Path) -> None:
    # A flip of every image is a change that can be told from none, and keeps mean and deviation.
    data = ready(MNIST(str(mnist_root), val_size=500, train_size=2000, augment=Augment(horizontal_flip=1.0)))
    train = list(data.train_dataloader())
    seen = torch.cat([inputs for inputs, _ in train])
    assert seen.mean().item() == pytest.approx(0, abs=0.01)
    assert seen.std().item() == pytest.approx(1, abs=0.01)

    def stored(inputs: Tensor) -> Tensor:
        return ((inputs * data.spec.std[0] + data.spec.mean[0]) * 255).round().byte()

    targets = torch.cat([targets for _, targets in train])
    images, labels = data.splits["train"]
    assert not contents((stored(seen), targets)) - contents((images.flip(3).contiguous(), labels))
    for split, loader in (("val", data.val_dataloader()), ("test", data.test_dataloader())):
        assert torch.equal(torch.cat([stored(inputs) for inputs, _ in loader]), data.splits[split][0])


def test_without_a_validation_size_there_is_no_validation(mnist_root: Path) -> None:
    data = ready(MNIST(str(mnist_root), val_size=0))
    assert len(data.splits["train"][1]) == 60_000
    assert data.val_dataloader() == []


@pytest.mark.parametrize(("train_size", "expected"), [(1000, 1000), (0.1, 5500)])
def test_a_training_subset_is_taken_from_what_validation_left(
    mnist_root: Path, mnist: InMemoryImages, train_size: float, expected: int
) -> None:
    data = ready(MNIST(str(mnist_root), val_size=5000, train_size=train_size))
    assert not contents(data.splits["train"]) - contents(mnist.splits["train"])
    assert torch.equal(data.splits["val"][0], mnist.splits["val"][0])
    labels, all_labels = data.splits["train"][1], mnist.splits["train"][1]
    assert len(labels) == expected
    assert (torch.bincount(all_labels) * expected / len(all_labels) - torch.bincount(labels)).abs().max() <= 1
    assert data.spec.mean == pytest.approx((mean_and_std(data.splits["train"][0])[0],), rel=1e-9)


def test_setting_up_again_changes_nothing(mnist_root: Path) -> None:
    data = ready(MNIST(str(mnist_root), val_size=100, train_size=500))
    before, spec = {name: (images.clone(), labels.clone()) for name, (images, labels) in data.splits.items()}, data.spec
    data.setup()
    data.setup("fit")
    data.setup("test")
    assert data.spec == spec
    for name, (images, labels) in data.splits.items():
        assert torch.equal(images, before[name][0])
        assert torch.equal(labels, before[name][1])


def test_the_split_depends_on_its_own_seed_only(mnist_root: Path, mnist: InMemoryImages) -> None:
    torch.manual_seed(987)
    again = ready(MNIST(str(mnist_root), val_size=5000, seed=3))
    other = ready(MNIST(str(mnist_root), val_size=5000, split_seed=1))
    assert torch.equal(again.splits["val"][0], mnist.splits["val"][0])
    assert torch.equal(again.splits["train"][0], mnist.splits["train"][0])
    assert not torch.equal(other.splits["val"][1], mnist.splits["val"][1])


@pytest.mark.parametrize(("part", "train", "count"), [("train", True, 50), ("test", False, 20)])
def test_the_digits_that_are_shipped_as_files_are_those_of_their_part(
    part: str, train: bool, count: int, mnist: InMemoryImages, mnist_root: Path
) -> None:
    """So that no digit to train on is one to test on: each file has the number of its image in the official part."""
    assert isinstance(mnist, MNIST)
    images, labels = mnist.load(train)
    files = sorted((mnist_root / "digits" / part).glob("*/*.png"))
    assert Counter(path.parent.name for path in files) == Counter({str(label): count for label in range(10)})
    for path in files:
        number = int(path.stem)
        with Image.open(path) as image:
            assert image.mode == "L"
            assert torch.equal(torch.from_numpy(np.array(image)), images[number, 0])
        assert int(labels[number]) == int(path.parent.name)
        assert path.stat().st_size < 400
