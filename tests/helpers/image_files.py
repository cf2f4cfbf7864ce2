"""Small picture files, in folders and as data sets come, and what is handed out of them."""

import bz2
import hashlib
import io
import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import datasets

from leyden import ImageFolder

Pixels = NDArray[np.uint8]


def pixels(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> Pixels:
    """(height, width, channels), each picture of another brightness."""
    generator = np.random.default_rng(seed)
    return (generator.integers(0, 128, (height, width, channels)) + 16 * (seed % 8)).astype(np.uint8)


def write_image(path: Path, seed: int = 0, height: int = 12, width: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed, height, width)).save(path)
    return path


def write_folders(root: Path, **sizes: int) -> Path:
    """So many pictures of the classes cat, dog and emu in each part; `whole=6` for classes right in the root."""
    for part, size in sizes.items():
        folder = root if part == "whole" else root / part
        for name, first in (("cat", 0), ("dog", 1000), ("emu", 2000)):
            for number in range(size):
                seed = first + number + {"val": 300, "test": 600}.get(part, 0)
                write_image(folder / name / f"{number:03}.png", seed)
    return root


def ready(root: Path, **settings: Any) -> ImageFolder:
    """What `write_folders` wrote, set up."""
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


def write_cifar(root: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch, size: int = 20) -> dict[str, Any]:
    """The archive of CIFAR10 or CIFAR100 with `size` pictures in each batch file; their md5 replace the real ones'."""
    fine = "fine_" if dataset.__name__ == "CIFAR100" else ""
    names = [f"class {number:03}" for number in range(100 if fine else 10)]
    files, parts = {}, {}
    for part, listed in (("train", dataset.train_list), ("test", dataset.test_list)):
        pictures, labels = [], []
        for number, (name, _) in enumerate(listed):
            generator = np.random.default_rng(number + (part == "test") * 10)
            batch = generator.integers(0, 256, (size, 3072)).astype(np.uint8)
            of_batch = [(number * size + place) % len(names) for place in range(size)]
            files[name] = pickle.dumps({"data": batch, f"{fine}labels": of_batch})
            pictures.append(batch)
            labels += of_batch
        parts[part] = np.concatenate(pictures).reshape(-1, 3, 32, 32), labels
    files[dataset.meta["filename"]] = pickle.dumps({dataset.meta["key"]: names})

    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / dataset.filename, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{dataset.base_folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    for listed in ("train_list", "test_list"):
        monkeypatch.setattr(dataset, listed, [[name, md5s[name]] for name, _ in getattr(dataset, listed)])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": md5s[dataset.meta["filename"]]})
    monkeypatch.setattr(dataset, "tgz_md5", hashlib.md5((root / dataset.filename).read_bytes()).hexdigest())
    return {**parts, "names": names}


def write_usps(root: Path) -> None:
    """Lines of `label place:value …` with labels from 1 and values from −1 to 1."""
    for name, size in (("usps.bz2", 30), ("usps.t.bz2", 10)):
        lines = []
        for number in range(size):
            values = pixels(number, 16, 16, 1).ravel() / 127.5 - 1
            lines.append(f"{number % 10 + 1} " + " ".join(f"{n}:{value:.6f}" for n, value in enumerate(values, 1)))
        (root / name).write_bytes(bz2.compress("\n".join(lines).encode()))


def write_eurosat(root: Path) -> None:
    for label, name in enumerate(("Forest", "River", "SeaLake")):
        for number in range(10):
            write_image(root / "eurosat" / "2750" / name / f"{name}_{number}.jpg", label * 10 + number)


def write_food101(root: Path) -> None:
    folder = root / "food-101"
    for part, numbers in (("train", range(8)), ("test", range(8, 10))):
        names = {name: [f"{name}/{number}" for number in numbers] for name in ("apple_pie", "waffles")}
        for listed in names.values():
            for number, name in enumerate(listed):
                write_image(folder / "images" / f"{name}.jpg", number, 12 + number, 20)
        (folder / "meta").mkdir(exist_ok=True)
        (folder / "meta" / f"{part}.json").write_text(json.dumps(names))


def write_dtd(root: Path) -> None:
    folder = root / "dtd" / "dtd"
    (folder / "labels").mkdir(parents=True)
    for part, numbers in (("train", range(6)), ("val", range(6, 9)), ("test", range(9, 13))):
        names = [f"{name}/{name}_{number}.jpg" for name in ("banded", "woven") for number in numbers]
        for number, name in enumerate(names):
            write_image(folder / "images" / name, number)
        (folder / "labels" / f"{part}1.txt").write_text("\n".join(names) + "\n")


def write_gtsrb(root: Path) -> None:
    folder = root / "gtsrb"
    for label in range(3):
        for number in range(5):
            write_image(folder / "GTSRB/Training" / f"{label:05}" / f"{number:05}.ppm", number)
    for number in range(4):
        write_image(folder / "GTSRB/Final_Test/Images" / f"{number:05}.ppm", number)
    lines = ["Filename;ClassId", *(f"{number:05}.ppm;{number % 3}" for number in range(4))]
    (folder / "GT-final_test.csv").write_text("\n".join(lines) + "\n")


def write_fer2013(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from Kaggle: a test.csv without labels."""
    (root / "fer2013").mkdir()
    rows = [" ".join(map(str, pixels(number, 48, 48, 1).ravel())) for number in range(20)]
    texts = {"train": ["emotion,pixels", *(f"{number % 2},{row}" for number, row in enumerate(rows))]}
    texts["test"] = ["pixels", *rows[:4]]
    resources = dict(datasets.FER2013._RESOURCES)
    for part, lines in texts.items():
        content = "\n".join(lines).encode()
        (root / "fer2013" / f"{part}.csv").write_bytes(content)
        resources[part] = (f"{part}.csv", hashlib.md5(content).hexdigest())
    monkeypatch.setattr(datasets.FER2013, "_RESOURCES", resources)
