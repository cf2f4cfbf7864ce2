"""What is trusted is built of what a file says, reads nothing, and is refused in one line."""

import re
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from leyden.checkpoints.trust import build, check
from leyden.data.csv import CSV
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.data.transform_settings import evaluation_steps
from leyden.system.errors import UserError
from leyden.tasks.task import Task
from myproject.models.mlp import MLP
from myproject.models.pretrained import Pretrained
from tests.leyden.helpers.trusted_nodes import MLP_NODE, refusal

CONFIGS = Path(__file__).parents[3] / "configs"


def test_a_network_is_built_with_what_is_nested() -> None:
    network = build(
        {
            "_target_": "torch.nn.TransformerEncoderLayer",
            "d_model": 4,
            "nhead": 2,
            "activation": {"_target_": "torch.nn.LeakyReLU", "negative_slope": 0.5},
        },
        nn.Module,
        "model",
    )
    assert isinstance(network.activation, nn.LeakyReLU)
    assert network.activation.negative_slope == 0.5
    listed = build(
        {"_target_": "torch.nn.ModuleList", "modules": [MLP_NODE, {"_target_": "torch.nn.ReLU"}]}, nn.Module, "m"
    )
    assert [type(module) for module in listed] == [MLP, nn.ReLU]


def test_strings_stay_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "relu")
    assert "${oc.env:SECRET}" in refusal({**MLP_NODE, "activation": "${oc.env:SECRET}"})


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_sizes": [10**12]},
        {"hidden_sizes": ["4"]},
        {"hidden_sizes": None},
        {"hidden_sizes": [-4]},
        {"input_shape": (10**30,)},
        {"output_size": 1e9999},
        {"output_size": {"a": 1}},
        {"unknown": 1},
        {"activation": "no\nsuch"},
        {"dropout": 7},
        {"forward": 1, 5: 6},
        {"init": torch.ones(3)},
    ],
    ids=str,
)
def test_settings_that_a_class_refuses_are_one_line(change: dict[Any, Any]) -> None:
    refusal({**MLP_NODE, **change})


def test_what_is_of_another_kind_is_refused() -> None:
    assert "must be a Task" in refusal(MLP_NODE, Task, "task")
    assert "must be a Module" in refusal({"_target_": "torch.optim.SGD", "params": []})
    assert "must be a Module" in refusal({"_target_": "leyden.data.csv.CSV", "path": "a", "target": "b"})
    with pytest.raises(UserError, match=r"^data\._target_=torch\.optim\.SGD: must be a DataModule"):
        check({"_target_": "torch.optim.SGD"}, "data", DataModule)
    check({"_target_": "leyden.data.csv.CSV", "a": {"_target_": "torch.nn.ReLU"}}, "data", DataModule)
    assert "there is no such class" in refusal({**MLP_NODE, "_target_": "leyden.models.gone.Net"})
    for node in ([MLP_NODE], "myproject.models.mlp.MLP", None, {}):
        refusal(node)


@pytest.mark.parametrize("load", [True, False, None, "absent"])
@pytest.mark.parametrize("hidden", [False, True], ids=["own", "handed on"])
def test_no_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Any, hidden: bool) -> None:
    import myproject.models.pretrained as module

    class Deeper(Pretrained):
        def __init__(self, width: int = 1, **settings: Any) -> None:
            super().__init__(**settings)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it reads")

    Deeper.__module__, Deeper.__qualname__ = module.__name__, "Deeper"
    monkeypatch.setattr(module, "Deeper", Deeper, raising=False)
    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = "Deeper" if hidden else "Pretrained"
    node = {"_target_": f"myproject.models.pretrained.{name}", "input_shape": (3, 32, 32), "output_size": 2}
    node |= {"name": "squeezenet1_1"} | ({} if load == "absent" else {"load": load})
    for weights in ("DEFAULT", str(tmp_path / "w.pt"), "/etc/passwd"):
        assert isinstance(build({**node, "weights": weights}, nn.Module, "model"), Pretrained)


def test_a_schedule_may_be_a_function_and_only_there() -> None:
    node = {"_target_": "leyden.tasks.schedulers.onecycle", "_partial_": True}
    check(node, "scheduler", LRScheduler)
    with pytest.raises(UserError, match="must be a Module"):
        check(node, "scheduler", nn.Module)
    for section in ("model", "data", "callbacks", "task", "trainer"):
        with pytest.raises(UserError, match="may name only classes of"):
            check(node, section)
    refusal({"_target_": "leyden.tasks.schedulers.onecycle"})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the project's models, to define functions in."""
    name = "myproject.models.made_for_tests"
    made = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    return made


def defined(module: ModuleType, source: str) -> None:
    exec(source, vars(module))


def test_a_function_of_the_projects_models_makes_a_network(module: ModuleType) -> None:
    defined(
        module,
        "from torch import nn\n"
        "def annotated(width: int) -> nn.Linear: return nn.Linear(width, 2)\n"
        "def plain(width, load=True):\n    assert not load\n    return nn.Linear(width, 2)\n"
        "def later(width) -> 'NotThere': return nn.Linear(width, 2)\n",
    )
    for name in ("annotated", "plain", "later"):
        node = {"_target_": f"{module.__name__}.{name}"}
        assert build({**node, "width": 3}, nn.Module, "model").in_features == 3
        assert build({**node, "_args_": [3]}, nn.Module, "model").in_features == 3
        check({**node, "width": 3}, "model")
        with pytest.raises(UserError, match="may name only classes of"):
            check({**node, "width": 3}, "data")
        assert "may name only classes of" in refusal({**node, "width": 3}, Task, "task")


def test_a_function_that_makes_something_else_is_refused(module: ModuleType) -> None:
    defined(
        module,
        "calls = []\n"
        "def annotated() -> None: calls.append(1)\n"
        "def text() -> str: calls.append(1)\n"
        "def plain(): return 7\n"
        "def partial(*_): return 7\n",
    )
    for name in ("annotated", "text"):
        assert "must be a Module" in refusal({"_target_": f"{module.__name__}.{name}"})
    assert module.calls == []
    assert "must make a Module, and makes a int" in refusal({"_target_": f"{module.__name__}.plain"})


def test_a_sequence_of_layers_is_built() -> None:
    layers = [
        {"_target_": "torch.nn.Flatten"},
        {"_target_": "torch.nn.Linear", "_args_": [4, 3]},
        {"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "torch.nn.ReLU"}]},
    ]
    node = {"_target_": "torch.nn.Sequential", "_args_": layers}
    network = build(node, nn.Module, "model")
    assert [type(layer) for layer in network] == [nn.Flatten, nn.Linear, nn.Sequential]
    assert network(torch.zeros(2, 2, 2)).shape == (2, 3)
    check(node, "model")


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "googlenet"])
def test_a_maker_of_torchvision_reads_no_weights(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it reads")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    node = {"_target_": f"torchvision.models.{name}", "num_classes": 3}
    for more in ({}, {"weights": "DEFAULT"}, {"pretrained": True}, {"weights": "DEFAULT", "pretrained": True}):
        built = build({**node, **more}, nn.Module, "model")
        assert [p.shape[0] for p in built.parameters()][-1] == 3
    check(node, "model")
    assert "takes named arguments only" in refusal({**node, "_args_": [True]})


def test_a_maker_with_a_backbone_reads_no_weights_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: pytest.fail("it downloads"))
    node = {"_target_": "torchvision.models.segmentation.lraspp_mobilenet_v3_large", "num_classes": 3}
    for more in ({}, {"weights_backbone": "DEFAULT"}, {"pretrained_backbone": True}):
        assert isinstance(build({**node, **more}, nn.Module, "model"), nn.Module)


def shipped(*groups: str) -> list[Any]:
    files = [file for group in groups for file in sorted((CONFIGS / group).glob("*.yaml"))]
    return [pytest.param(file, id=f"{file.parent.name}/{file.stem}") for file in files]


@pytest.mark.parametrize("file", shipped("model"))
def test_every_shipped_model_is_built(file: Path) -> None:
    node = {"input_shape": (3, 32, 32), "output_size": 3072, **yaml.safe_load(file.read_text())}
    assert build(node, nn.Module, "model")(torch.zeros(2, 3, 32, 32)).shape == (2, 3072)


@pytest.mark.parametrize("file", shipped("task"))
def test_every_shipped_task_is_trusted(file: Path) -> None:
    node = yaml.safe_load(file.read_text())["task"]
    spec = DataSpec("classification", (3,), 2, class_names=("a", "b"), target_mean=(0.0,), target_std=(1.0,))
    task = build(node | {"network": "mine"}, Task, "task", network=nn.Linear(3, 2), spec=spec)
    assert isinstance(task.network, nn.Linear)
    check(node, "task", Task)


@pytest.mark.parametrize(
    "file", shipped("data", "model", "task", "optimizer", "scheduler", "trainer", "callbacks", "logger")
)
def test_every_shipped_section_is_trusted(file: Path) -> None:
    text = re.sub(r"\$\{.*?\}", "resolved", file.read_text())
    check(yaml.safe_load(text), file.parent.name)


def test_transforms_by_name_are_trusted_and_their_functions_are_those_of_the_project_only() -> None:
    entries = [{"RandomApply": {"transforms": [{"RandomRotation": 10}], "p": 0.3}}, "Resize", {"Lambda": "os.system"}]
    check(entries, "data.eval_transform")
    with pytest.raises(UserError, match=r"^data\.eval_transform: Lambda=os\.system: must be a function in "):
        evaluation_steps(entries[2:])
    with pytest.raises(UserError, match="may name only classes of"):
        check([{"RandomApply": [{"_target_": "os.system"}]}], "data.eval_transform")


def test_a_section_is_not_changed_and_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CSV, "__init__", lambda *_, **__: pytest.fail("made"))
    node = {"_target_": "leyden.data.csv.CSV", "path": "a"}
    check(node, "data")
    assert node == {"_target_": "leyden.data.csv.CSV", "path": "a"}


def test_a_loss_function_of_a_project_may_be_named_and_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fake_project").mkdir()
    (tmp_path / "fake_project/losses.py").write_text("def own(outputs, targets, a=1):\n    return a * outputs.sum()\n")
    (tmp_path / "fake_project/other.py").write_text("def own(outputs, targets):\n    raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("checkpoints.trust", "records.project_functions"):
        monkeypatch.setattr(f"leyden.{module}.project_packages", lambda: ("fake_project", "myproject"))
    node = {"_target_": "myproject.tasks.regression.Regression"}
    facts = {"network": nn.Linear(1, 1), "spec": DataSpec("regression", (1,), 1, target_mean=(0.0,), target_std=(1.0,))}
    loss = {"_target_": "fake_project.losses.own", "_partial_": True, "a": 3}
    task = build({**node, "loss": loss}, nn.Module, "task", **facts)
    assert task.loss(torch.ones(2, 1), torch.ones(2, 1)) == 6
    check({**node, "loss": loss}, "task")
    for wrong in (
        {**loss, "_target_": "fake_project.other.own"},
        {**loss, "_target_": "torch.nn.HuberLoss"},
        {**loss, "_partial_": False},
    ):
        assert refusal({**node, "loss": wrong}, setting="task").startswith("task.loss._partial_: may not be set here")
    metric = {"_target_": "torchmetrics.classification.MulticlassF1Score", "num_classes": 2}
    check({**node, "metrics": [metric]}, "task")
