"""CIFAR: 32×32 colour images, over torchvision's data sets."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torchvision import datasets

from leyden import DOWNLOAD_ERRORS, InMemoryImages, Split, UserError, failure_reason, folder_lock
from myproject.data import downloads


class CIFAR10(InMemoryImages):
    """Animals and vehicles, 50,000 + 10,000 in 10 classes. Krizhevsky (2009): www.cs.toronto.edu/~kriz/cifar.html."""

    INPUT_SHAPE: ClassVar = (3, 32, 32)
    needs_download = staticmethod(downloads.cifar10)
    DATASET: ClassVar[Any] = datasets.CIFAR10
    _names: tuple[str, ...] = ()

    def load(self, train: bool) -> Split:
        folder = Path(self.root, self.DATASET.base_folder)
        try:
            with folder_lock(folder):
                try:
                    dataset = self._read(train)
                except DOWNLOAD_ERRORS:
                    if not Path(self.root, self.DATASET.filename).exists():
                        raise
                    for name, _ in self.DATASET.train_list:  # without them all is extracted again, also the class names
                        Path(folder, name).unlink(missing_ok=True)
                    dataset = self._read(train)
        except DOWNLOAD_ERRORS as error:
            raise UserError(
                f"{self.DATASET.__name__} is not whole in {folder} and cannot be downloaded ({failure_reason(error)}); "
                f"get {self.DATASET.filename} from www.cs.toronto.edu/~kriz/cifar.html and put it into {self.root}"
            ) from error
        self._names = tuple(dataset.classes)
        return torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(dataset.targets)

    def _read(self, train: bool) -> Any:
        return self.DATASET(self.root, train=train, download=True)  # only what is missing or not the official file

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._names


class CIFAR100(CIFAR10):
    """The same in 100 classes of 600: animals, plants, things, people. Krizhevsky (2009)."""

    DATASET: ClassVar[Any] = datasets.CIFAR100
    needs_download = staticmethod(downloads.cifar100)
