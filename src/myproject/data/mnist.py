"""The MNIST family: 28×28 grey images, over torchvision's data sets."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from torch import Tensor
from torchvision import datasets

from leyden import DOWNLOAD_ERRORS, InMemoryImages, Split, UserError, failure_reason, folder_lock
from myproject.data import downloads


class MNIST(InMemoryImages):
    """Handwritten digits, 60,000 + 10,000. LeCun, Cortes, Burges: yann.lecun.com/exdb/mnist; shipped in data/MNIST."""

    INPUT_SHAPE: ClassVar = (1, 28, 28)
    needs_download = staticmethod(downloads.mnist)
    DATASET: ClassVar[Any] = datasets.MNIST
    FILES: ClassVar[tuple[str, ...]] = tuple(name for name, _ in datasets.MNIST.resources)

    def load(self, train: bool) -> Split:
        folder = Path(self.root, self.DATASET.__name__, "raw")
        try:
            with folder_lock(folder):
                try:
                    return self._read(train)
                except DOWNLOAD_ERRORS:
                    if not _forget_extracted(folder):
                        raise
                    return self._read(train)
        except DOWNLOAD_ERRORS as error:
            raise UserError(
                f"{self.DATASET.__name__} is not whole in {folder} and cannot be downloaded ({failure_reason(error)}); "
                f"empty that folder and put these files there: {', '.join(self.FILES)}"
            ) from error

    def _read(self, train: bool) -> Split:
        dataset = self._dataset(train)
        images, labels = self._images(dataset.data), self._labels(dataset.targets)
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images and {len(labels)} labels")
        return images, labels

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.DATASET.classes)

    def _dataset(self, train: bool) -> Any:
        return self.DATASET(self.root, train=train, download=True)  # downloads only what is not there

    def _images(self, data: Tensor) -> Tensor:
        return data.unsqueeze(1)

    def _labels(self, targets: Tensor) -> Tensor:
        return targets.long()


class FashionMNIST(MNIST):
    """Articles of clothing, 60,000 + 10,000. Xiao, Rasul, Vollgraf (2017): github.com/zalandoresearch/fashion-mnist."""

    DATASET: ClassVar[Any] = datasets.FashionMNIST
    needs_download = staticmethod(downloads.fashion_mnist)


class KMNIST(MNIST):
    """Cursive Japanese characters, 60,000 + 10,000. Clanuwat et al. (2018): codh.rois.ac.jp/kmnist."""

    DATASET: ClassVar[Any] = datasets.KMNIST
    needs_download = staticmethod(downloads.kmnist)


class QMNIST(MNIST):
    """MNIST made anew from its sources, 60,000 + 60,000. Yadav, Bottou (2019): github.com/facebookresearch/qmnist."""

    DATASET: ClassVar[Any] = datasets.QMNIST
    needs_download = staticmethod(downloads.qmnist)
    FILES: ClassVar[tuple[str, ...]] = tuple(
        url.rpartition("/")[2] for part in ("train", "test") for url, _ in datasets.QMNIST.resources[part]
    )

    def _dataset(self, train: bool) -> Any:
        return datasets.QMNIST(self.root, what="train" if train else "test", compat=False, download=True)

    def _labels(self, targets: Tensor) -> Tensor:
        return targets[:, 0].long()  # the other columns tell who wrote the digit


class EMNIST(MNIST):
    """Handwritten letters and digits. Cohen et al. (2017): nist.gov/itl/products-and-services/emnist-dataset.

    Args:
        split: which of its six arrangements.
    """

    DATASET: ClassVar[Any] = datasets.EMNIST
    needs_download = staticmethod(downloads.emnist)
    FILES: ClassVar[tuple[str, ...]] = ("gzip.zip",)

    def __init__(
        self,
        root: str,
        split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] = "balanced",
        **settings: Any,
    ) -> None:
        super().__init__(root, **settings)
        self.split = split

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(name for name in datasets.EMNIST.classes_split_dict[self.split] if name != "N/A")

    def _dataset(self, train: bool) -> Any:
        return datasets.EMNIST(self.root, split=self.split, train=train, download=True)

    def _images(self, data: Tensor) -> Tensor:
        return data.transpose(1, 2).unsqueeze(1).contiguous()  # the files hold them lying on their side

    def _labels(self, targets: Tensor) -> Tensor:
        return targets.long() - (1 if self.split == "letters" else 0)  # its letters are counted from 1


def _forget_extracted(folder: Path) -> bool:
    """Remove what was extracted beside its archive, perhaps by a run that was killed meanwhile, to extract it again."""
    extracted = [path for archive in folder.glob("*.gz") if (path := archive.with_suffix("")).exists()]
    for path in extracted:
        path.unlink()
    return bool(extracted)
