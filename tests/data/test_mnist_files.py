import gzip
import hashlib
import string
import threading
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.error import URLError

import pytest
import torch
from filelock import FileLock
from torchvision import datasets

from leyden import InMemoryImages, UserError
from myproject.data.mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from tests.helpers.idx_files import Made, idx, made, write, write_emnist, write_qmnist


def write_zipped(folder: Path, parts: Made, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The .gz files of a data set with MNIST's layout, which is told their md5 in place of the real ones'."""
    files = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = parts[part]
        files[f"{name}-images-idx3-ubyte.gz"] = gzip.compress(idx(images))
        files[f"{name}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels))
    write(folder, files)
    md5s = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    assert [name for name, _ in md5s] == [name for name, _ in dataset.resources]
    monkeypatch.setattr(dataset, "resources", md5s)


def check(data: InMemoryImages, parts: Made, first: int = 0) -> None:
    """The images are upright, with their own labels, counted from 0."""
    for part, (expected, labels) in parts.items():
        images, targets = data.load(train=part == "train")
        assert images.dtype == torch.uint8
        assert torch.equal(images, expected[:, None])
        assert torch.equal(targets, labels - first)
    data.prepare_data()
    data.setup()
    assert {name: len(labels) for name, (_, labels) in data.splits.items()} == {"train": 18, "val": 6, "test": 8}
    assert data.spec.output_size == len(data.spec.class_names) == parts["train"][1].max() + 1 - first


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.mark.parametrize(("kind", "dataset"), [(FashionMNIST, datasets.FashionMNIST), (KMNIST, datasets.KMNIST)])
def test_files_with_the_layout_of_mnist_are_read(
    kind: type[MNIST], dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = made(10)
    write_zipped(tmp_path / dataset.__name__ / "raw", parts, dataset, monkeypatch)
    check(kind(str(tmp_path), val_size=6), parts)


def test_class_names_are_those_of_each_data_set(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert FashionMNIST(root).class_names[:3] == ("T-shirt/top", "Trouser", "Pullover")
    assert KMNIST(root).class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    for digits in (MNIST(root), QMNIST(root)):
        assert [name[0] for name in digits.class_names] == list(string.digits)
    assert EMNIST(root, split="letters").class_names == tuple(string.ascii_lowercase)
    assert EMNIST(root, split="balanced").class_names == (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
    assert EMNIST(root, split="byclass").class_names == tuple(
        string.digits + string.ascii_uppercase + string.ascii_lowercase
    )


def test_qmnist_takes_the_class_from_its_eight_columns(tmp_path: Path) -> None:
    parts = made(10)
    write_qmnist(tmp_path / "QMNIST" / "raw", parts)
    check(QMNIST(str(tmp_path), val_size=6), parts)


@pytest.mark.parametrize(("split", "classes", "first"), [("letters", 26, 1), ("balanced", 47, 0), ("digits", 10, 0)])
def test_emnist_is_turned_upright_and_counted_from_zero(split: Any, classes: int, first: int, tmp_path: Path) -> None:
    parts = made(classes, first)
    write_emnist(tmp_path / "EMNIST" / "raw", parts, split)
    check(EMNIST(str(tmp_path), split=split, val_size=6), parts, first)


def test_emnist_may_be_asked_for_each_arrangement_that_there_is() -> None:
    assert get_args(get_type_hints(EMNIST.__init__)["split"]) == datasets.EMNIST.splits


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST, KMNIST, QMNIST, EMNIST])
def test_without_files_and_network_one_line_names_the_folder_and_the_files(kind: type[MNIST], tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        kind(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    assert "\n" not in message
    assert "no network" in message
    assert str(tmp_path / kind.__name__ / "raw") in message
    assert all(name in message for name in kind.FILES)


FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("length", [0, 2, 6, 12, -1])
def test_a_file_that_was_cut_off_is_told_in_one_line(
    name: str, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "KMNIST" / "raw"
    write_zipped(folder, made(10), datasets.KMNIST, monkeypatch)
    KMNIST(str(tmp_path)).prepare_data()  # extracts
    for archive in folder.glob("*.gz"):
        archive.unlink()
    (folder / name).write_bytes((folder / name).read_bytes()[:length])
    with pytest.raises(UserError) as refusal:
        KMNIST(str(tmp_path)).prepare_data()
    assert "\n" not in str(refusal.value)
    assert str(folder) in str(refusal.value)


@pytest.mark.parametrize("name", FILES)
def test_what_a_killed_run_left_half_extracted_is_extracted_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, parts = tmp_path / "KMNIST" / "raw", made(10)
    write_zipped(folder, parts, datasets.KMNIST, monkeypatch)
    KMNIST(str(tmp_path)).prepare_data()
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    check(KMNIST(str(tmp_path), val_size=6), parts)


@pytest.mark.parametrize("name", ["qmnist-train-images-idx3-ubyte", "qmnist-test-labels-idx2-int"])
def test_a_file_of_qmnist_that_was_cut_off_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "QMNIST" / "raw"
    write_qmnist(folder, made(10))
    (folder / name).write_bytes((folder / name).read_bytes()[:-4])
    with pytest.raises(UserError) as refusal:
        QMNIST(str(tmp_path)).prepare_data()
    assert "\n" not in str(refusal.value)
    assert str(folder) in str(refusal.value)


def test_a_damaged_archive_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "KMNIST" / "raw"
    write_zipped(folder, made(10), datasets.KMNIST, monkeypatch)
    archive = folder / "train-images-idx3-ubyte.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(UserError, match="no network"):  # its md5 is not the official one, so it is fetched again
        KMNIST(str(tmp_path)).prepare_data()


def test_labels_and_images_that_differ_in_number_are_refused(tmp_path: Path) -> None:
    parts = made(10)
    parts["train"] = parts["train"][0], parts["train"][1][:-3]
    write_qmnist(tmp_path / "QMNIST" / "raw", parts)
    data = QMNIST(str(tmp_path), val_size=6)
    with pytest.raises(UserError, match="QMNIST"):
        data.prepare_data()


@pytest.mark.parametrize("sizes", [{"val_size": 24}, {"val_size": 6, "train_size": 0}])
def test_sizes_that_leave_nothing_to_train_on_are_refused(sizes: dict[str, Any], tmp_path: Path) -> None:
    write_qmnist(tmp_path / "QMNIST" / "raw", made(10))
    data = QMNIST(str(tmp_path), **sizes)
    data.prepare_data()
    with pytest.raises(UserError, match=r"data\.(val|train)_size"):
        data.setup()


def test_processes_that_start_together_extract_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "KMNIST" / "raw"
    write_zipped(folder, made(10), datasets.KMNIST, monkeypatch)
    waited = threading.Event()

    def load() -> None:
        KMNIST(str(tmp_path)).prepare_data()
        waited.set()

    with FileLock(folder / ".lock"):
        other = threading.Thread(target=load)
        other.start()
        assert not waited.wait(0.5)
    other.join()
    assert waited.is_set()
