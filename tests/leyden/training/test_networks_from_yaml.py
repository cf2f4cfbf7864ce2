"""Each way to write a network in YAML: trained, killed, resumed, evaluated, used for predictions and exported."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from leyden.config.compose import compose, compose_run
from leyden.data.inputs.request import check_request
from leyden.records import projects
from leyden.system.errors import UserError
from leyden.tasks.task import Task
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.predict import predict_run
from leyden.training.train import run_experiment
from tests.helpers.image_files import write_folders
from tests.leyden.scripts.running import runner

CONFIGS = Path(__file__).parents[3] / "configs"
export = runner(CONFIGS.parent / "scripts" / "export.py")
PROJECT = "made_project"

FLATTEN = {"_target_": "torch.nn.Flatten"}
SMALL = {"_target_": "torch.nn.Linear", "in_features": 784, "out_features": 4}
LAST = {"_target_": "torch.nn.LazyLinear", "out_features": 10}
LISTED = [{"Conv2d": [4, 3]}, "BatchNorm2d", "ReLU", {"MaxPool2d": 4}, "Flatten", {"Dropout": 0.2}]

MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "a layer": ({"_target_": "torch.nn.Linear", "in_features": 784, "out_features": 10}, "Linear"),
    "a layer that finds its size": ({"_target_": "torch.nn.LazyLinear", "out_features": 10}, "Linear"),
    "a sequence": (
        {"_target_": "torch.nn.Sequential", "_args_": [FLATTEN, SMALL, {"_target_": "torch.nn.PReLU"}, LAST]},
        "Sequential",
    ),
    "a function of the project": ({"_target_": f"{PROJECT}.models.mine.make_network", "width": 8}, "Sequential"),
    "a function of torchvision": (
        {"_target_": "torchvision.models.shufflenet_v2_x0_5", "num_classes": 3},
        "ShuffleNetV2",
    ),
    "a class of the project": ({"_target_": "myproject.models.mlp.MLP", "hidden_sizes": [8], "dropout": 0.2}, "MLP"),
    "a list of layers": (
        {"_target_": "leyden.models.layers.Layers", "layers": [*LISTED, {"Linear": "output_size"}], "init": "kaiming"},
        "Layers",
    ),
    "a name of torchvision": (
        {"_target_": "myproject.models.pretrained.Pretrained", "name": "shufflenet_v2_x0_5"},
        "Pretrained",
    ),
}
each = pytest.mark.parametrize("way", [pytest.param(way, id=way.replace(" ", "_")) for way in MODELS])


class Killed(BaseException):
    """As a signal that nothing catches."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configs of the template with a file for each network, images, and a project with a function."""
    folder = tmp_path_factory.mktemp("networks")
    shutil.copytree(CONFIGS, folder / "configs")
    for way, (model, _) in MODELS.items():
        (folder / "configs/model" / f"{way.replace(' ', '_')}.yaml").write_text(yaml.safe_dump(model))
    write_folders(folder / "images", train=8, val=4, test=4)
    models = folder / PROJECT / "models"
    models.mkdir(parents=True)
    for package in (models, models.parent):
        (package / "__init__.py").touch()
    (models / "mine.py").write_text(
        "import math\n\nfrom torch import nn\n\n\n"
        "def make_network(input_shape, output_size, width: int = 4) -> nn.Module:\n"
        "    size = math.prod(input_shape)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.Tanh(), nn.Linear(width, output_size))\n\n\n"
        "def number(output_size):\n    return output_size\n"
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        declared = projects._declared

        def with_another(group: str) -> Mapping[str, str]:
            return {**declared(group), **({PROJECT: PROJECT} if group == "leyden.projects" else {})}

        monkeypatch.setattr(projects, "_declared", with_another)
        monkeypatch.syspath_prepend(folder)
        yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == PROJECT]:
        del sys.modules[name]


def settings(way: str, folder: Path, quick: list[str]) -> list[str]:
    data = [
        "data=image_folder",
        f"data.root={folder}/images",
        "data.size=32",
        "data.num_workers=0",
        "data.batch_size=8",
    ]
    if way != "a function of torchvision":
        data = ["data.train_size=64", "data.val_size=32", "data.batch_size=16"]
    kept = [one for one in quick if not one.startswith(("data.", "trainer.max_epochs"))]
    return [*kept, *data, f"model={way.replace(' ', '_')}", "trainer.max_epochs=2", "logger=none"]


def weights(run_dir: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(run_dir / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state


@pytest.mark.sample(3)
@each
def test_a_network_is_trained_killed_resumed_evaluated_predicted_and_exported(
    way: str, folder: Path, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, configs = settings(way, folder, quick), folder / "configs"
    whole, run_dir = tmp_path / "whole", tmp_path / "killed"
    run_experiment(compose([*typed, f"paths.run_dir={whole}"], configs))

    def kill(task: Task, *_: Any) -> None:
        if task.current_epoch == 1:
            raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(Task, "on_train_batch_start", kill)
        with pytest.raises(Killed):
            run_experiment(compose([*typed, f"paths.run_dir={run_dir}"], configs))
    run_experiment(compose([f"resume={run_dir}"], configs))
    expected, found = weights(whole), weights(run_dir)
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())

    run = load_run(run_dir)
    assert type(run.model).__name__ == MODELS[way][1]
    recorded, options = compose_run([f"run={run_dir}"], "eval", configs)
    metrics = evaluate_run(recorded, options)
    assert metrics["test/loss"] == pytest.approx(run.metrics["test/loss"], rel=1e-4)
    recorded, options = compose_run([f"run={run_dir}"], "predict", configs)
    lines = predict_run(recorded, check_request(options, run_dir)).read_text().splitlines()
    assert len(lines) > 10

    inputs = torch.randn(3, *run.spec.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = run.model(inputs)
        for form, suffix in (("state_dict", "pt"), ("torch_export", "pt2")):
            assert export(monkeypatch, f"run={run_dir}", f"format={form}") == 0
            assert (run_dir / "exports" / f"model.{suffix}").is_file()
        program = torch.export.load(run_dir / "exports/model.pt2").module()
        assert torch.allclose(program(inputs), outputs, rtol=1e-4, atol=1e-4)


def test_a_network_starts_from_the_weights_of_a_run(folder: Path, quick: list[str], tmp_path: Path) -> None:
    typed, configs = settings("a sequence", folder, quick), folder / "configs"
    run_experiment(compose([*typed, f"paths.run_dir={tmp_path}/first"], configs))
    first = tmp_path / "first"
    mapping = f"init_from={{path: {first}, key: network, rename: {{'^(\\d)': 'net.\\1'}}}}"
    for number, typed_initial in enumerate([f"init_from={first}", mapping]):
        still = ["optimizer.lr=1e-12", "trainer.max_epochs=1", "seed=9", f"paths.run_dir={tmp_path}/{number}"]
        run_experiment(compose([*typed, *still, typed_initial], configs))
        expected, found = weights(first), weights(tmp_path / str(number))
        assert all(torch.allclose(value, found[name], atol=1e-6) for name, value in expected.items())
    recorded = compose([f"resume={tmp_path}/1"], configs).config["init_from"]
    assert recorded == {"path": str(first / "checkpoints/best.ckpt"), "key": "network", "rename": {r"^(\d)": r"net.\1"}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a size that does not fit": (
        {"_target_": "torch.nn.Linear", "in_features": 78, "out_features": 10},
        r"^model\._target_=torch\.nn\.Linear: does not take inputs of shape \(1, 28, 28\) \(.*\); flatten them first",
    ),
    "grey images": (
        {"_target_": "torchvision.models.resnet18", "num_classes": 10},
        r"^model\._target_=torchvision\.models\.resnet18: does not take inputs .*; model=resnet model\.name=resnet18 ",
    ),
    "weights": (
        {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
        r"^model\.weights=DEFAULT: .*; write model=resnet model\.name=resnet18 model\.weights=DEFAULT",
    ),
    "another size": (
        {"_target_": "torch.nn.LazyLinear", "out_features": 7},
        r"^model Linear: makes \(2, 7\) of a batch of two, and must make \(2, 10\)",
    ),
    "an unknown argument of a nested layer": (
        {"_target_": "torch.nn.Sequential", "_args_": [FLATTEN, {**SMALL, "width": 3}]},
        r"^model\._args_\.1\.width: unknown key",
    ),
    "no network": (
        {"_target_": f"{PROJECT}.models.mine.number"},
        r"^model\._target_=.*: makes 10; it must return a torch\.nn\.Module$",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_that_does_not_fit_is_refused_in_one_line(
    name: str, folder: Path, quick: list[str], tmp_path: Path
) -> None:
    model, message = REFUSED[name]
    (folder / "configs/model/refused.yaml").write_text(yaml.safe_dump(model))
    typed = [*settings("a layer", folder, quick), "model=refused", f"paths.run_dir={tmp_path}/refused"]
    with pytest.raises(UserError, match=message) as refusal:
        run_experiment(compose([one for one in typed if one != "model=a_layer"], folder / "configs"))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "refused").exists()


def test_a_project_network_without_lazy_layers_is_not_run_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    from leyden.training.build import build_network

    model = {"_target_": "myproject.models.linear.Linear", "input_shape": (3,), "output_size": 2}
    monkeypatch.setattr(nn.Linear, "forward", lambda *_: pytest.fail("run"))
    build_network(model, (3,))
