"""Every file in configs/ composes; every experiment trains; every model meets every data set or is refused."""

import math
from pathlib import Path

import pytest

from leyden import UserError, build_trainer, compose, run_experiment

CONFIGS = Path(__file__).parents[1] / "configs"
OPTIONAL = {"wandb", "mlflow", "many"}  # need packages that are not installed here


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_trains_and_is_tested(
    name: str, quick: list[str], needed: dict[str, list[str]], data_root: Path
) -> None:
    small = ["trainer.limit_train_batches=1", "data.train_size=30", "data.val_size=8", f"paths.data_dir={data_root}"]
    if name == "folder_resnet":
        small += [*needed["image_folder"], "model.weights=null"]
    result = run_experiment(compose([*quick, f"experiment={name}", *small, "trainer.max_epochs=1"]))
    assert result is not None
    assert math.isfinite(result)


IMAGES = [name for name in options("data") if name not in ("csv", "cars", "diabetes")]
TINY = {"mnist", "fashion_mnist", "kmnist", "qmnist", "emnist"}  # 28×28


@pytest.mark.parametrize("data", options("data"))
@pytest.mark.parametrize("model", options("model"))
def test_every_model_meets_every_data_set_or_is_refused_with_a_sentence(
    model: str, data: str, quick: list[str], needed: dict[str, list[str]], data_root: Path
) -> None:
    sizes = ["data.train_size=8", "data.val_size=8", "data.batch_size=4", "data.eval_batch_size=8", "logger=none"]
    task = ["task=reconstruction"] if model == "autoencoder" else []
    data_settings = [f"data={data}", *needed.get(data, []), f"paths.data_dir={data_root}"]
    overrides = [*quick, f"model={model}", *task, *data_settings, *sizes]
    fits = model in ("linear", "mlp") or (data in IMAGES and not (model == "vgg" and data in TINY))
    if fits:
        assert run_experiment(compose(overrides)) is not None
        return
    with pytest.raises(UserError, match=r"^model \w+ needs an image .*; (try|give) "):
        run_experiment(compose(overrides))


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
    readme = (CONFIGS.parent / "README.md").read_text()
    for group in ("data", "model", "task", "optimizer", "scheduler", "trainer", "callbacks", "logger"):
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{group}` |"))
        assert [name for name in options(group) if name not in row] == []
