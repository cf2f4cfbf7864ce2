"""Small files of the layouts that the MNIST family comes in."""

import struct
from pathlib import Path

import torch
from torch import Tensor

Made = dict[str, tuple[Tensor, Tensor]]
SIZES = {"train": 24, "test": 8}


def made(classes: int, first: int = 0) -> Made:
    """Pictures that are upright only one way; labels are counted from `first`, and the last class occurs."""
    parts = {}
    for seed, (part, size) in enumerate(SIZES.items()):
        pictures = torch.randint(0, 256, (size, 28, 28), generator=torch.Generator().manual_seed(seed)).byte()
        labels = torch.linspace(first, first + classes - 1, size).round().long()
        parts[part] = pictures, labels
    return parts


def idx(values: Tensor, kind: int = 8) -> bytes:
    """The format of LeCun's files: 0, 0, the type, the number of dimensions; each size; the values, big end first."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, kind, values.ndim, *values.shape)
    return header + struct.pack(f">{values.numel()}{'B' if kind == 8 else 'i'}", *values.flatten().tolist())


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_qmnist(folder: Path, parts: Made) -> None:
    files = {}
    for part, (pictures, labels) in parts.items():
        details = torch.arange(1000, 1000 + 8 * len(labels)).view(-1, 8)  # who wrote it, where it came from, ...
        details[:, 0] = labels
        files[f"qmnist-{part}-images-idx3-ubyte"] = idx(pictures)
        files[f"qmnist-{part}-labels-idx2-int"] = idx(details, kind=12)
    write(folder, files)


def write_emnist(folder: Path, parts: Made, split: str) -> None:
    files = {}
    for part, (pictures, labels) in parts.items():
        files[f"emnist-{split}-{part}-images-idx3-ubyte"] = idx(pictures.transpose(1, 2))
        files[f"emnist-{split}-{part}-labels-idx1-ubyte"] = idx(labels)
    write(folder, files)
