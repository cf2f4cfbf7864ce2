from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torchvision import datasets

from leyden import Experiment, build_data, compose
from tests.helpers.idx_files import made, write_emnist, write_qmnist
from tests.helpers.image_files import write_cifar, write_folders, write_usps

torch.set_num_threads(1)  # tests run side by side

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases that a test leaves to the nightly run; begin with the files that are slow.

    So that no process is left with a slow file when the others have nothing to do.
    """
    cases = Counter[str]()
    for item in items:
        if sample := item.get_closest_marker("sample"):
            test = item.nodeid.partition("[")[0]
            if cases[test] % sample.args[0]:
                item.add_marker(pytest.mark.slow)
            cases[test] += 1
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
def data_root(mnist_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data root with every data set that configs/data names. MNIST, its digits as files and the tables are real."""
    configs = ROOT / "configs"
    build_data(compose(["data=mnist", f"paths.data_dir={mnist_root}"], configs).config).prepare_data()  # extracts
    root = tmp_path_factory.mktemp("data")
    for name in ("MNIST", "FashionMNIST", "KMNIST"):  # files of the same names
        (root / name).symlink_to(mnist_root / "MNIST", target_is_directory=True)
    for name in ("csv", "digits"):
        (root / name).symlink_to(mnist_root / name, target_is_directory=True)
    write_qmnist(root / "QMNIST" / "raw", made(10))
    write_emnist(root / "EMNIST" / "raw", made(26, first=1), "letters")
    write_folders(root / "pictures", train=12, val=4, test=4)
    write_usps(root)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for dataset in (datasets.CIFAR10, datasets.CIFAR100):
            write_cifar(root, dataset, monkeypatch)
        yield root


@pytest.fixture
def needed(data_root: Path) -> dict[str, list[str]]:
    """What must be given with a file of configs/data that is for data of one's own."""
    return {
        "csv": [f"data.path={data_root}/csv/cars.csv", "data.target=mpg", "data.ignore=[name]"],
        "emnist": ["data.split=letters"],
        "image_folder": [f"data.root={data_root}/pictures", "data.size=32"],
        "torchvision": ["data.name=USPS", "data.size=32"],
    }


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    paths = {"log_dir": str(tmp_path), "run_dir": str(tmp_path / "some" / "now")}
    return Experiment("some", {"seed": 7, "monitor": "val/acc", "paths": paths, "trainer": {}}, ["seed=7"])
