"""What is trusted is built of what a file says, reads nothing, and is refused in one line."""

import re
import socket
from pathlib import Path
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


def test_functions_may_be_named_where_all_are_harmless() -> None:
    node = {"_target_": "leyden.tasks.schedulers.onecycle", "_partial_": True}
    check(node, "scheduler")
    with pytest.raises(UserError, match="must be a LRScheduler"):
        check(node, "scheduler", LRScheduler)
    refusal({"_target_": "leyden.tasks.schedulers.onecycle"})


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
    monkeypatch.setattr("leyden.checkpoints.trust.project_packages", lambda: ("fake_project", "myproject"))
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
