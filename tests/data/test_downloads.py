"""What would be downloaded, for each data set of configs/data that has an own place."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.utils import get_class

CONFIGS = Path(__file__).parents[2] / "configs" / "data"
FAMILIES = {
    "mnist": ("MNIST", "MNIST"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST"),
    "kmnist": ("KMNIST", "KMNIST"),
    "qmnist": ("QMNIST", "QMNIST"),
    "emnist": ("EMNIST", "EMNIST"),
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
    "cifar100": ("CIFAR100", "cifar-100-python"),
}


@pytest.mark.parametrize("data", FAMILIES)
def test_a_data_set_is_needed_until_its_files_are_there(data: str, data_root: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = yaml.safe_load((CONFIGS / f"{data}.yaml").read_text(encoding="utf-8"))
    needs_download = get_class(settings["_target_"]).needs_download  # type: ignore[attr-defined]
    name, folder = FAMILIES[data]
    extra = {"split": "letters"} if data == "emnist" else {}
    assert needs_download(root=str(tmp_path), **extra) == name
    (tmp_path / folder).mkdir()
    assert needs_download(root=str(tmp_path), **extra) == name  # an empty folder is not a data set
    assert needs_download(root=str(data_root), **extra) is None


def test_one_missing_file_of_four_is_a_download(tmp_path: Path, mnist_root: Path) -> None:
    target = yaml.safe_load((CONFIGS / "mnist.yaml").read_text(encoding="utf-8"))["_target_"]
    needs_download = get_class(target).needs_download  # type: ignore[attr-defined]
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (mnist_root / "MNIST" / "raw").glob("*.gz"):
        (raw / path.name).touch()
    assert needs_download(root=str(tmp_path)) is None
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    assert needs_download(root=str(tmp_path)) == "MNIST"
