"""Small picture files, in folders and in the archives that data sets come in."""

import bz2
import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def pixels(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> Pixels:
    """(height, width, channels), each picture of another brightness."""
    generator = np.random.default_rng(seed)
    return (generator.integers(0, 128, (height, width, channels)) + 16 * (seed % 8)).astype(np.uint8)


def write_picture(path: Path, seed: int = 0, height: int = 12, width: int = 12) -> Path:
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
                write_picture(folder / name / f"{number:03}.png", seed)
    return root


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
