from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torchvision import datasets

from leyden import UserError, compose
from myproject.data.cifar import CIFAR10, CIFAR100
from tests.helpers.image_files import write_cifar

BOTH = pytest.mark.parametrize(
    ("kind", "dataset"), [(CIFAR10, datasets.CIFAR10), (CIFAR100, datasets.CIFAR100)], ids=["10", "100"]
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def check(data: CIFAR10, made: dict[str, Any]) -> None:
    """The images are the archive's, with their own labels and names."""
    data.prepare_data()
    data.setup()
    assert data.spec.class_names == tuple(made["names"])
    for part in ("train", "test"):
        images, labels = data.load(train=part == "train")
        assert torch.equal(images, torch.from_numpy(made[part][0]))
        assert images.is_contiguous()
        assert labels.tolist() == made[part][1]
    images, labels = data.splits["train"]
    assert len(images) + len(data.splits["val"][1]) == len(made["train"][1])
    means = images.double().mean(dim=(0, 2, 3)) / 255
    assert data.spec.mean == pytest.approx(means.tolist())
    assert torch.equal(data.splits["test"][0], torch.from_numpy(made["test"][0]))


@BOTH
def test_the_archive_is_extracted_and_read(
    kind: type[CIFAR10], dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_cifar(tmp_path, dataset, monkeypatch)
    check(kind(str(tmp_path), val_size=5), made)
    (tmp_path / dataset.filename).unlink()  # what is extracted is enough
    check(kind(str(tmp_path), val_size=5), made)


@BOTH
@pytest.mark.parametrize("damage", ["missing", "cut off", "no names"])
def test_a_damaged_folder_is_healed_from_the_archive(
    damage: str, kind: type[CIFAR10], dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_cifar(tmp_path, dataset, monkeypatch)
    kind(str(tmp_path)).prepare_data()
    file = tmp_path / dataset.base_folder / dataset.train_list[0][0]
    if damage == "missing":
        file.unlink()
    elif damage == "cut off":
        file.write_bytes(file.read_bytes()[:-7])
    else:
        (file.parent / dataset.meta["filename"]).write_bytes(b"")
    check(kind(str(tmp_path), val_size=5), made)


@BOTH
@pytest.mark.parametrize("state", ["nothing", "half a folder", "half an archive", "a file for the folder"])
def test_what_cannot_be_healed_is_one_line_with_the_archive_and_its_page(
    state: str, kind: type[CIFAR10], dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / dataset.filename
    if state != "nothing":
        write_cifar(tmp_path, dataset, monkeypatch)
    if state == "half a folder":
        kind(str(tmp_path)).prepare_data()
        (tmp_path / dataset.base_folder / dataset.test_list[0][0]).write_bytes(b"half")
        archive.unlink()
    elif state == "half an archive":
        archive.write_bytes(archive.read_bytes()[:1000])
    elif state == "a file for the folder":
        (tmp_path / dataset.base_folder).write_bytes(b"")
    with pytest.raises(UserError) as refusal:
        kind(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    assert "\n" not in message
    assert all(part in message for part in (dataset.filename, "www.cs.toronto.edu/~kriz/cifar.html", str(tmp_path)))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_configs_augment_as_is_usual(name: str) -> None:
    config = compose([f"data={name}"]).config["data"]
    assert (config["augment"]["crop_padding"], config["augment"]["horizontal_flip"]) == (4, 0.5)
    assert (config["batch_size"], config["val_size"]) == (128, 5000)
