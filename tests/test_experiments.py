"""Every file in configs/ composes; every experiment trains; every model meets every data set or is refused."""

import math
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from hydra.utils import get_class

from leyden import UserError, build_data, build_task, build_trainer, compose, run_experiment

CONFIGS = Path(__file__).parents[1] / "configs"
OPTIONAL = {"wandb", "mlflow", "many"}  # need packages that are not installed here


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


@pytest.fixture(scope="session")
def torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which torchvision finds weights of a ResNet-18 as if it had downloaded them."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "hub/checkpoints").mkdir(parents=True)
    torch.save(torchvision.models.resnet18().state_dict(), folder / "hub/checkpoints/resnet18-f37072fd.pth")
    return folder


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_trains_and_is_tested(
    name: str,
    quick: list[str],
    data_root: Path,
    torch_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    small = ["trainer.limit_train_batches=1", "data.train_size=30", "data.val_size=8", f"paths.data_dir={data_root}"]
    if "cifar" in name or "resnet" in name:  # images of 224×224 pixels, or networks of 15 million weights
        small += ["data.train_size=8", "data.val_size=4", "data.batch_size=4", "data.eval_batch_size=4"]
        small += ["trainer.precision=32-true"]  # on CPUs that emulate bf16 it takes ten times as long
    result = run_experiment(compose([*quick, f"experiment={name}", *small, "trainer.max_epochs=1"]))
    assert result is not None
    assert math.isfinite(result)


# The files that are shipped: what a project adds has tests of its own.
DATA = [
    *("mnist", "fashion_mnist", "kmnist", "qmnist", "emnist", "cifar10", "cifar100", "torchvision", "image_folder"),
    *("csv", "cars", "diabetes"),
]
MODELS = ["linear", "mlp", "cnn", "vgg", "resnet", "autoencoder"]


@pytest.mark.sample(2)
@pytest.mark.parametrize("data", DATA)
def test_every_model_takes_a_data_set_or_refuses_it_with_a_sentence(
    data: str, quick: list[str], needed: dict[str, list[str]], data_root: Path
) -> None:
    """The data say what their inputs are, and a network's own `check_input` says what it needs: the two decide."""
    sizes = ["data.train_size=8", "data.val_size=8", "data.batch_size=4", "data.eval_batch_size=8"]
    overrides = [*quick, *sizes, f"data={data}", *needed.get(data, []), f"paths.data_dir={data_root}"]
    spec = build_data(compose(overrides).config).spec
    for model in MODELS:
        task = ["task=reconstruction"] if model == "autoencoder" else []
        settings = yaml.safe_load((CONFIGS / "model" / f"{model}.yaml").read_text(encoding="utf-8"))
        check = getattr(get_class(settings["_target_"]), "check_input", None)
        needs = check(**{**settings, "input_shape": spec.input_shape}) if check else None
        if needs is None:
            network = build_task(compose([*overrides, f"model={model}", *task]).config, spec).network
            assert sum(parameter.numel() for parameter in network.parameters()), model
            continue
        with pytest.raises(UserError, match=r"^model \w+ needs .*; (try|give) "):  # for a table, before it is read
            build_task(compose([*overrides, f"model={model}", *task]).config, spec)


@pytest.mark.sample(2)
@pytest.mark.parametrize("data", DATA)
def test_every_data_set_trains_a_network(
    data: str, quick: list[str], needed: dict[str, list[str]], data_root: Path
) -> None:
    sizes = ["data.train_size=8", "data.val_size=8", "data.batch_size=4", "data.eval_batch_size=8", "logger=none"]
    data_settings = [f"data={data}", *needed.get(data, []), f"paths.data_dir={data_root}"]
    assert run_experiment(compose([*quick, "model=linear", *data_settings, *sizes])) is not None


@pytest.mark.parametrize("channels", ["[4,4,4,4,4]", "[1,2,3,4,5,6,7]"])
def test_a_network_that_is_too_deep_for_the_images_is_refused_with_a_sentence(channels: str) -> None:
    with pytest.raises(UserError, match=r"28×28 can be halved 4 times; give 4 channels or fewer"):
        compose(["model=cnn", f"model.channels={channels}"])


@pytest.mark.parametrize("group", ["trainer", "callbacks", "logger"])
def test_every_trainer_callback_and_logger_file_holds(group: str, tmp_path: Path) -> None:
    for name in options(group):
        if name in OPTIONAL:
            continue
        experiment = compose([f"{group}={name}", f"paths.run_dir={tmp_path}"])
        if group != "trainer" or name in ("default", "cpu"):  # the others need devices or processes
            assert build_trainer(experiment.config) is not None


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", [n for n in options("debug") if n not in ("none", "default")])
def test_every_debug_run_stays_small_and_out_of_the_way(
    name: str, quick: list[str], tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = CONFIGS.resolve()
    monkeypatch.chdir(tmp_path)
    kept = [setting for setting in quick if not setting.startswith(("trainer.max_epochs", "paths.log_dir"))]
    fewer = ["trainer.max_epochs=2"] if name == "overfit_batch" else []
    run_experiment(compose([*kept, f"debug={name}", *fewer, f"paths.data_dir={mnist_root.resolve()}"], configs=configs))
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["debug"]


def test_groups_and_tables_of_the_readme_are_complete() -> None:
    readme = (CONFIGS.parent / "docs" / "training.md").read_text()
    for group in ("data", "model", "task", "optimizer", "scheduler", "trainer", "callbacks", "logger"):
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{group}` |"))
        assert [name for name in options(group) if name not in row] == []
