"""Data sets that are not in their folder yet, so that a sweep over all experiments leaves them out.

A data set names its function as `needs_download`; one without it downloads nothing. Each function gets the settings of
the data and returns the name of what would be downloaded, or None. None of them imports torch or uses the network.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

_MNIST = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
_QMNIST = [f"qmnist-{part}-{kind}" for part in ("train", "test") for kind in ("images-idx3-ubyte", "labels-idx2-int")]


def mnist(root: str, **_: Any) -> str | None:
    return _unless_files(root, "MNIST", _MNIST)


def fashion_mnist(root: str, **_: Any) -> str | None:
    return _unless_files(root, "FashionMNIST", _MNIST)


def kmnist(root: str, **_: Any) -> str | None:
    return _unless_files(root, "KMNIST", _MNIST)


def qmnist(root: str, **_: Any) -> str | None:
    return _unless_files(root, "QMNIST", _QMNIST)


def emnist(root: str, split: str = "balanced", **_: Any) -> str | None:
    folder = Path(root, "EMNIST", "raw")
    files = [f"emnist-{split}-{part}-images-idx3-ubyte" for part in ("train", "test")]
    there = (folder / "gzip.zip").exists() or all((folder / name).exists() for name in files)
    return None if there else "EMNIST"


def cifar10(root: str, **_: Any) -> str | None:
    return _unless_one(root, "CIFAR10", "cifar-10-python.tar.gz", "cifar-10-batches-py/test_batch")


def cifar100(root: str, **_: Any) -> str | None:
    return _unless_one(root, "CIFAR100", "cifar-100-python.tar.gz", "cifar-100-python/test")


def _unless_files(root: str, name: str, files: Iterable[str]) -> str | None:
    """The name, unless each of the files is in `root/<name>/raw`, compressed or extracted."""
    paths = [Path(root, name, "raw", file) for file in files]
    return None if all(path.exists() or path.with_name(f"{path.name}.gz").exists() for path in paths) else name


def _unless_one(root: str, name: str, *files: str) -> str | None:
    """The name, unless one of the files is in `root`."""
    return None if any(Path(root, file).exists() for file in files) else name
