"""What is not trusted is not called, nor imported, wherever a file of somebody else's names it."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from leyden.checkpoints.trust import build, check
from leyden.system.errors import UserError
from tests.leyden.helpers.trusted_nodes import MLP_NODE, refusal

FOREIGN = [
    "os.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "pickle.loads",
    "eval",
    "",
    "leyden",
    ".os.system",
    "leyden..models.mlp.MLP",
    "myproject.models.mlp.MLP.",
    "myproject.models.mlp.MLP.__init__",
    "myproject.models.mlp.MLP.forward",
    "myproject.models.mlp.__loader__",
    "myproject.models.mlp.nn.Linear",
    "leyden.run.os.system",
    "leyden.system.atomic_files.os.system",
    "leyden.checkpoints.weights.torch.load",
    "leyden.checkpoints.weights.Path",
    "leyden.checkpoints.weights.load_weights",
    "leyden.system.atomic_files.write_text",
    "leyden/../os.system",
    "leydenx.models.mlp.MLP",
    "hydra.utils.get_method",
    "torch.load",
    "torch.serialization.load",
    "torch.serialization.os.system",
    "torch.hub.load",
    "torch.jit.load",
    "torch.jit.ScriptModule",
    "torch.fx.GraphModule",
    "torch.compile",
    "torch.utils.cpp_extension.load",
    "torch.nn.modules.module.torch.load",
    "torch.nn.modules.lazy.torch.serialization.os.system",
    "torch.nn.functional.relu",
    "torch.nn.utils.parametrizations.orthogonal",
    "torch.nn.utils.clip_grad_norm_",
    "torch.nn.utils.prune.l1_unstructured",
    "torch.nn.init.zeros_",
    "torch.nn.modules.utils.consume_prefix_in_state_dict_if_present",
    "torch.hub.load_state_dict_from_url",
    "myproject.schedulers.onecycle",
    "myproject.data.mnist.abbreviated",
    "myproject.models.layers.make_activation",
    "myproject.models.input_checks.image_needed",
    "myproject.models.pretrained.load_weights",
    "leyden.models.initialisers.initialise",
    "leyden.models.layers.make_activation",
    "torch.nn.DataParallel",
    "torchvision.models.get_model",
    "torchvision.models.get_model_weights",
    "torchvision.models.list_models",
    "torchvision.models.get_model_builder",
    "torchvision.models.resnet.conv3x3",
    "torchvision.models.resnet.handle_legacy_interface",
    "torchvision.models.segmentation.fcn._fcn_resnet",
    "torchvision._internally_replaced_utils.load_state_dict_from_url",
    "torchvision.ops.misc.torch.hub.load",
    "torchvision.datasets.utils.download_url",
    "torchvision.models.feature_extraction.DualGraphModule",
    "lightning.pytorch.demos.boring_classes.BoringModel",
    "numpy.load",
    5,
    None,
    ["os", "system"],
    "os.system\n\x1b[2Jok",
    "x" * 5000,
    10**5000,
]


@pytest.mark.parametrize("target", FOREIGN, ids=lambda t: repr(t)[:40] if isinstance(t, str) else type(t).__name__)
def test_what_is_foreign_is_refused(target: Any) -> None:
    node = {**MLP_NODE, "_target_": target}
    message = refusal(node)
    assert message.startswith("model._target_=")
    assert "may name only classes of leyden" in message or "there is no such class" in message
    assert refusal({**MLP_NODE, "activation": {"_target_": target}}).startswith("model.activation._target_=")
    assert refusal({**MLP_NODE, "layers": [[node]]}).startswith("model.layers.0.0._target_=")
    assert refusal({"_target_": "torch.nn.Sequential", "_args_": [node]}).startswith("model._args_.0._target_=")
    for section in (node, {"deep": [{"er": node}]}, {**MLP_NODE, "x": {"_target_": target, "_partial_": True}}):
        with pytest.raises(UserError, match=r"^data\S*\._target_="):
            check(section, "data")


def test_the_message_says_what_to_do() -> None:
    message = refusal({"_target_": "os.system", "command": "true"})
    assert message.startswith("model._target_=os.system: a checkpoint or a recorded config may name only classes of ")
    assert message.endswith('declare it in pyproject.toml under [project.entry-points."leyden.projects"]')


def test_a_foreign_module_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "foreign_to_us.py").write_text(f"open({str(tmp_path / 'proof')!r}, 'w')\nclass Net: pass")
    monkeypatch.syspath_prepend(tmp_path)
    refusal({"_target_": "foreign_to_us.Net"})
    with pytest.raises(UserError):
        check({"_target_": "foreign_to_us.Net"}, "data")
    assert "foreign_to_us" not in sys.modules
    assert not (tmp_path / "proof").exists()


def test_a_class_that_a_trusted_module_imports_is_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import myproject.models.mlp as module

    class Elsewhere(nn.Module):
        pass

    for name, qualname, defined in [
        ("Elsewhere", "Elsewhere", "elsewhere.module"),
        ("Alias", "Elsewhere", "myproject.models.mlp"),
        ("Elsewhere", "Elsewhere", "leydenx"),
    ]:
        Elsewhere.__module__, Elsewhere.__qualname__ = defined, qualname
        monkeypatch.setattr(module, name, Elsewhere, raising=False)
        assert "may name only" in refusal({"_target_": f"myproject.models.mlp.{name}"})
    Elsewhere.__module__ = "myproject.models.mlp"
    assert isinstance(build({"_target_": "myproject.models.mlp.Elsewhere"}, nn.Module, "model"), Elsewhere)


def test_code_that_a_trusted_module_defines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import myproject.models.mlp as module

    class Traced(torch.fx.GraphModule):
        pass

    Traced.__module__, Traced.__qualname__ = module.__name__, "Traced"
    monkeypatch.setattr(module, "Traced", Traced, raising=False)
    assert "may name only" in refusal({"_target_": "myproject.models.mlp.Traced"})


def test_functions_that_a_project_imports_are_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import shutil
    import subprocess

    import myproject.models.mlp as module

    def made() -> nn.Module:
        raise AssertionError("called")

    functions = {"remove": shutil.rmtree, "system": os.system, "run": subprocess.run, "load": torch.hub.load}
    for name, function in {**functions, "rmtree": shutil.rmtree, "made": made, "call": lambda: nn.ReLU()}.items():
        monkeypatch.setattr(module, name, function, raising=False)
        node = {"_target_": f"myproject.models.mlp.{name}", "_args_": ["/"]}
        assert "may name only" in refusal(node)
        assert "may name only" in refusal({"_target_": "torch.nn.Sequential", "_args_": [node]})
        with pytest.raises(UserError, match="may name only"):
            check(node, "model")


@pytest.mark.parametrize("init", ["os.system", {"os.system": "touch HARM"}, {"myproject.models.mlp.rmtree": "/"}])
def test_an_initialiser_is_a_function_of_the_projects_models_or_of_torch(
    init: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import myproject.models.mlp as module

    monkeypatch.setattr(module, "rmtree", shutil.rmtree, raising=False)
    for node in (MLP_NODE, {"_target_": "leyden.models.layers.Layers", "layers": ["Flatten"], "output_size": 2}):
        assert "model.init=" in refusal({"input_shape": (3,), **node, "init": init})


@pytest.mark.parametrize("layer", ["os.system", "DataParallel", "Module.apply", "modules", {"init": "x"}, "__class__"])
def test_a_list_of_layers_names_classes_of_torch_only(layer: Any) -> None:
    node = {"_target_": "leyden.models.layers.Layers", "input_shape": (3,), "output_size": 2, "layers": [layer]}
    assert "torch.nn has no such layer" in refusal(node)


@pytest.mark.parametrize("key", ["_recursive_", "_convert_", "_args_", "_partial_", "__class__", "_x_"])
def test_keys_with_a_meaning_of_their_own_are_refused(key: str) -> None:
    assert key in refusal({**MLP_NODE, key: True})
    assert key in refusal({**MLP_NODE, "dropout": [{key: True}]})
    with pytest.raises(UserError, match=rf"^data.*{key}"):
        check({"a": {key: "yes"}}, "data")


def test_endless_sections_are_refused() -> None:
    endless: dict[str, Any] = {"_target_": "myproject.models.mlp.MLP"}
    endless["again"] = endless
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    wide: Any = [1] * 10
    for _ in range(12):
        wide = [wide] * 10
    for value in (endless, deep, wide):
        assert "has more than" in refusal({**MLP_NODE, "x": value})
        with pytest.raises(UserError, match="has more than"):
            check({"x": value}, "data")


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "a${x}", "${"])
def test_interpolations_are_refused_in_a_config(text: str) -> None:
    for node in ({"root": text}, {"a": [{"b": text}]}, {text: 1}, {"a": (text,)}):
        with pytest.raises(UserError, match=r"^data\S*=.*: must be a plain value"):
            check(node, "data")
