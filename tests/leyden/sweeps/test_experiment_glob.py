"""Sweeps over `experiment=glob(…)`: each experiment once, without those that need a download."""

import logging
from pathlib import Path

import pytest

from leyden.sweeps.experiment_glob import distinct_experiments
from leyden.sweeps.grid import Grid
from leyden.system.errors import UserError
from tests.leyden.sweeps.conftest import Composing

ROOT = Path(__file__).parents[3]
NEED_NOTHING = {
    *("csv_linear", "csv_mlp", "image_folder_resnet18"),
    *("mnist_autoencoder", "mnist_cnn", "mnist_linear", "mnist_mlp"),
}


@pytest.fixture
def absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Setting of a data folder with what is shipped only; and a home without weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    data = tmp_path / "data"
    data.mkdir()
    for name in ("MNIST", "csv", "digits"):
        (data / name).symlink_to(ROOT / "data" / name, target_is_directory=True)
    return f"paths.data_dir={data}"


def names(grid: Grid) -> set[str]:
    return {job.experiment.name for job in grid.examples()}


def test_all_that_need_no_download_run_and_the_others_are_named(
    composing: Composing, absent: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="leyden"):
        grid = Grid(*composing("experiment=glob(*)", "seed=1,2", absent))
    assert names(grid) >= NEED_NOTHING
    assert not {"default", "folder_resnet", "cifar10_cnn", "cifar10_resnet18", "fashion_mnist_cnn"} & names(grid)
    assert grid.total == 2 * len(names(grid))
    (line,) = [message for message in caplog.messages if message.startswith("not run")]
    assert "cifar10_cnn, cifar10_resnet18" in line
    assert line.count("cifar10_vgg") == 1  # although two seeds of it are left out
    assert line.endswith("; to run one: python train.py experiment=cifar100_resnet18")
    assert "left out: default (sets nothing), folder_resnet (is image_folder_resnet18)" in caplog.messages


def test_files_that_are_there_need_no_download(composing: Composing, absent: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "cifar-10-python.tar.gz").touch()
    assert names(Grid(*composing("experiment=glob(cifar10*)", absent))) == {"cifar10_cnn", "cifar10_vgg"}


def test_a_glob_may_have_several_patterns_and_exclude_some(composing: Composing, absent: str) -> None:
    grid = Grid(*composing("experiment=glob([mnist*,csv*],exclude=*cnn)", absent))
    assert names(grid) == NEED_NOTHING - {"mnist_cnn", "image_folder_resnet18"}


def test_an_experiment_that_is_named_runs_in_any_case(composing: Composing, absent: str) -> None:
    assert names(Grid(*composing("experiment=mnist_linear,cifar10_cnn,folder_resnet", absent))) == {
        "mnist_linear",
        "cifar10_cnn",
        "folder_resnet",
    }


def test_a_glob_without_any_experiment_to_run_is_refused(composing: Composing, absent: str) -> None:
    with pytest.raises(UserError, match=r"experiment=glob\(cifar\*\): each needs a download \(CIFAR100, .*=cifar100_"):
        Grid(*composing("experiment=glob(cifar*)", absent))
    with pytest.raises(UserError, match=r"experiment=glob\(x\*\): matches no file of configs/experiment; glob\(\*\)"):
        Grid(*composing("experiment=glob(x*)"))


def test_other_names_are_left_out_only_where_the_experiment_itself_is_there(tmp_path: Path) -> None:
    texts = {
        "first": "# @package _global_\nseed: 1\n",
        "alias": "# @package _global_\ndefaults:\n  - first\n",
        "more": "# @package _global_\ndefaults:\n  - first\nseed: 2\n",
        "chosen": "# @package _global_\ndefaults:\n  - override /data: mnist\n",
        "empty": "# @package _global_\n# Nothing.\n",
        "odd": "- a list\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert distinct_experiments([*texts], tmp_path) == ["first", "more", "chosen", "odd"]
    assert distinct_experiments(["alias", "more"], tmp_path) == ["alias", "more"]
    assert distinct_experiments(["empty"], tmp_path) == ["empty"]
