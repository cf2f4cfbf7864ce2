"""Classification data sets of torchvision, by the names of their classes."""

import inspect
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset
from torchvision import datasets

from leyden.data.decoded import DecodedImages
from leyden.data.digests import Digests, position_digests
from leyden.data.downloads import DOWNLOAD_ERRORS, failure_reason, folder_lock
from leyden.data.image_files.decoding import Channels, DecodedImage, Read, in_channels
from leyden.data.in_memory import Split
from leyden.data.listed_labels import labels_if_listed
from leyden.data.torchvision_files import torchvision_download
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)

# Data sets with one class for each image (others have boxes, masks, captions, films or pairs), and the value of their
# argument `train` or `split` for training, validation and test; some, such as SEMEION, are not divided.
CLASSIFICATION: dict[str, tuple[object, object, object]] = {
    "Caltech101": (None, None, None),
    "Caltech256": (None, None, None),
    "CIFAR10": (True, None, False),
    "CIFAR100": (True, None, False),
    "Country211": ("train", "valid", "test"),
    "DTD": ("train", "val", "test"),
    "EuroSAT": (None, None, None),
    "FashionMNIST": (True, None, False),
    "FER2013": ("train", None, "test"),
    "FGVCAircraft": ("train", "val", "test"),
    "Flowers102": ("train", "val", "test"),
    "Food101": ("train", None, "test"),
    "GTSRB": ("train", None, "test"),
    "ImageNet": ("train", "val", None),
    "Imagenette": ("train", "val", None),
    "KMNIST": (True, None, False),
    "MNIST": (True, None, False),
    "OxfordIIITPet": ("trainval", None, "test"),
    "PCAM": ("train", "val", "test"),
    "Places365": ("train-standard", "val", None),
    "RenderedSST2": ("train", "val", "test"),
    "SEMEION": (None, None, None),
    "StanfordCars": ("train", None, "test"),
    "STL10": ("train", None, "test"),
    "SUN397": (None, None, None),
    "SVHN": ("train", None, "test"),
    "USPS": (True, None, False),
}


class TorchvisionImages(DecodedImages):
    """A data set of torchvision.datasets, downloaded on first use: docs.pytorch.org/vision/stable/datasets.html.

    Args:
        root: the folder that holds, or will hold, the files.
        name: of its class, such as SVHN.

    The others are those of DecodedImages.
    """

    needs_download = staticmethod(torchvision_download)

    def __init__(
        self, root: str, name: str, size: int | None = None, cache: bool | None = None, **settings: Any
    ) -> None:
        super().__init__(root, size=size, cache=cache, **settings)
        if name not in CLASSIFICATION:
            if name in ("EMNIST", "QMNIST"):
                raise UserError(f"data.name={name}: has settings of its own; use data={name.lower()}")
            if name in datasets.__all__:
                raise UserError(f"data.name={name}: is not among those supported here: {', '.join(CLASSIFICATION)}")
            raise UserError(
                f"data.name={name}: torchvision has no such data set"
                + did_you_mean(name, CLASSIFICATION, lambda name: f"data.name={name}")
            )
        self.dataset_name = name
        self._names: tuple[str, ...] = ()

    def find(self) -> tuple[Read, dict[str, Split]]:
        held, parts, first = self._datasets(), dict[str, Split](), 0
        if "test" in held and not has_labels(held["test"]):
            log.info("data.name=%s: its test set has no labels, and is not used", self.dataset_name)
            del held["test"]
        for part, dataset in held.items():
            labels = labels_of(dataset)
            parts[part] = torch.arange(first, first + len(labels)), labels
            first += len(labels)
        self._firsts = torch.tensor([int(numbers[0]) for numbers, _ in parts.values()])
        train = held["train"]
        names = getattr(train, "classes", None) or getattr(train, "categories", None)
        names = names or map(str, range(int(max(labels.max() for _, labels in parts.values())) + 1))
        self._names = tuple(name if isinstance(name, str) else ", ".join(name) for name in names)  # ImageNet's: several
        return DatasetReader(list(held.values()), self.channels), parts

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._names

    def item_names(self, split: str) -> Sequence[str]:
        numbers = self.numbers[split]  # of all parts; a name is the position in one
        return list(
            map(str, (numbers - self._firsts[torch.searchsorted(self._firsts, numbers, right=True) - 1]).tolist())
        )

    @property
    def identified_by(self) -> Sequence[str]:
        return self.dataset_name, "position"

    def digests(self, numbers: Tensor) -> Digests:
        return position_digests(self.dataset_name, numbers)  # the files are those of torchvision

    def _datasets(self) -> dict[str, Any]:
        make = getattr(datasets, self.dataset_name)
        accepted = inspect.signature(make).parameters
        download = {"download": True} if "download" in accepted else {}
        argument = next((name for name in ("train", "split") if name in accepted), None)
        values = zip(("train", "val", "test"), CLASSIFICATION[self.dataset_name], strict=True)
        parts = {part: {argument: value} for part, value in values if value is not None} if argument else {"train": {}}
        try:
            with folder_lock(Path(self.root)):
                return {part: make(self.root, **chosen, **download) for part, chosen in parts.items()}
        except ImportError as error:
            missing = str(error.name or error).partition(".")[0]
            raise UserError(
                f"data.name={self.dataset_name}: needs the package {missing}; pip install {missing}"
            ) from error
        except DOWNLOAD_ERRORS as error:
            page = f"docs.pytorch.org/vision/stable/generated/torchvision.datasets.{make.__name__}.html"
            raise UserError(
                f"data.name={make.__name__}: is not whole in {self.root} and cannot be fetched "
                f"({failure_reason(error)}); put its files there, which are listed on {page}"
            ) from error


class DatasetReader:
    """Reader of the images of several data sets, numbered consecutively."""

    def __init__(self, parts: list[Any], channels: Channels) -> None:
        self.parts, self.channels = ConcatDataset[Any](parts), channels

    def __call__(self, number: int) -> DecodedImage:
        try:
            return in_channels(self.parts[number][0], self.channels)
        except Exception as error:  # each format's decoder has its own types
            name = type(self.parts.datasets[0]).__name__
            raise UserError(
                f"data.name={name}: image {number} cannot be read ({failure_reason(error)}); delete the extracted "
                "files to have them extracted again"
            ) from error


def has_labels(dataset: Any) -> bool:
    """True if a data set has labels: Kaggle does not publish those of the test set of FER2013."""
    samples = getattr(dataset, "_samples", None)
    return not samples or samples[0][1] is not None


def labels_of(dataset: Any) -> Tensor:
    """Class of each image (N,), without decoding any if the data set has a list of them."""
    listed = labels_if_listed(dataset)
    if listed is not None:
        return listed.long()
    return torch.tensor([dataset[number][1] for number in range(len(dataset))])
