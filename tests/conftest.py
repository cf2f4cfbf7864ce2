from pathlib import Path

import pytest
import torch

from leyden.data.mnist import MNIST
from tests.idx_files import made, write_emnist, write_qmnist

torch.set_num_threads(1)  # tests run side by side

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """A data root with the real MNIST."""
    return ROOT / "data"


@pytest.fixture
def quick(tmp_path: Path, mnist_root: Path) -> list[str]:
    """Settings of a run that takes a second and keeps its results to itself."""
    return [
        "data.train_size=256",
        "data.val_size=256",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "trainer.limit_test_batches=2",
        "callbacks.summary=null",
        f"paths.data_dir={mnist_root}",
        f"paths.log_dir={tmp_path / 'logs'}",
    ]


@pytest.fixture(scope="session")
def data_root(mnist_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with every data set that configs/data names: MNIST is real, the others only look right."""
    MNIST(str(mnist_root)).prepare_data()  # extracts
    root = tmp_path_factory.mktemp("data")
    for name in ("MNIST", "FashionMNIST", "KMNIST"):  # files of the same names
        (root / name).symlink_to(mnist_root / "MNIST", target_is_directory=True)
    write_qmnist(root / "QMNIST" / "raw", made(10))
    write_emnist(root / "EMNIST" / "raw", made(26, first=1), "letters")
    return root
