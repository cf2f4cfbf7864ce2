"""Signatures are read from source text, and agree with what Python says when it imports."""

import inspect
from importlib import import_module
from typing import Any

import pytest

from leyden.config.compose import compose
from leyden.config.signature import public_names, signature_of
from leyden.system.errors import UserError

TARGETS = [
    "torch.optim.Adam",
    "torch.optim.LBFGS",
    "torch.optim.lr_scheduler.CosineAnnealingLR",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "lightning.pytorch.callbacks.EarlyStopping",
    "lightning.pytorch.loggers.TensorBoardLogger",
    "myproject.models.mlp.MLP",
    "myproject.data.mnist.MNIST",  # inherits its arguments
    "leyden.tasks.optimizers.OptimizerFactory",  # a dataclass
    "myproject.schedulers.warmup_cosine",  # a function
    "torch.nn.CrossEntropyLoss",  # behind a star import
]


@pytest.mark.parametrize("target", TARGETS)
def test_the_text_says_what_python_says(target: str) -> None:
    module, _, name = target.rpartition(".")
    truth = inspect.signature(getattr(import_module(module), name)).parameters.values()
    names = {p.name for p in truth if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    required = {p.name for p in truth if p.default is p.empty and p.name in names}
    read = signature_of(target)
    assert read is not None
    assert names <= set(read.parameters)
    assert {p.name for p in read.parameters.values() if p.required} == required
    if not any(p.kind == p.VAR_KEYWORD for p in truth):
        assert set(read.parameters) == names
        assert not read.open


def test_settings_that_are_handed_on_to_the_base_class_are_known() -> None:
    read = signature_of("myproject.data.mnist.EMNIST")
    assert read is not None
    assert {"split", "batch_size", "val_size"} <= set(read.parameters)
    assert not read.open


@pytest.mark.parametrize(
    ("target", "name", "good", "bad"),
    [
        ("torch.optim.Adam", "lr", [1, 0.1], ["fast", None, True]),
        ("torch.optim.Adam", "fused", [True, None], ["yes", 1.5]),
        ("lightning.pytorch.Trainer", "max_epochs", [3, None, -1], ["x", 1.5]),
        ("lightning.pytorch.Trainer", "precision", ["bf16-mixed", 16, None], ["bf17"]),
        ("myproject.models.mlp.MLP", "dropout", [0.1, [0.1, 0.2], 0], ["a", ["a"], None]),
        ("myproject.models.mlp.MLP", "hidden_sizes", [[1, 2], []], [3, ["a"], [1.5]]),
        ("myproject.models.mlp.MLP", "init", ["default", {"normal_": {"std": 1}}], [1, ["orthogonal"]]),
        ("myproject.models.pretrained.Pretrained", "stem", ["auto", "cifar"], ["none", 1]),
        ("myproject.data.mnist.EMNIST", "split", ["letters"], ["words"]),
        ("leyden.tasks.schedulers.SchedulerFactory", "interval", ["step"], ["batch"]),
    ],
)
def test_values_are_held_against_the_annotation(target: str, name: str, good: list[Any], bad: list[Any]) -> None:
    read = signature_of(target)
    assert read is not None
    assert [v for v in good if not read.parameters[name].accepts(v)] == []
    assert [v for v in bad if read.parameters[name].accepts(v)] == []


def test_what_may_stand_there_is_said_in_words() -> None:
    mlp, adam = signature_of("myproject.models.mlp.MLP"), signature_of("torch.optim.Adam")
    assert mlp is not None
    assert adam is not None
    assert mlp.parameters["dropout"].meaning == "a number or a list of numbers"
    assert mlp.parameters["activation"].meaning == "text or a mapping of names to values ({a: 1, b: 2})"
    assert adam.parameters["lr"].meaning == "a number"  # a tensor cannot be written in YAML


def test_what_the_text_does_not_tell_is_none() -> None:
    assert signature_of("nowhere.to.be.Found") is None
    assert signature_of("torch.optim.NoSuchThing") is None
    assert signature_of("torch.add") is None  # made in C


def test_keyword_arguments_that_are_not_handed_on_are_open() -> None:
    strategy = signature_of("lightning.pytorch.strategies.DDPStrategy")
    assert strategy is not None
    assert strategy.open  # find_unused_parameters goes to torch


def test_null_is_accepted_where_it_is_the_default() -> None:
    best = signature_of("lightning.pytorch.callbacks.ModelCheckpoint")
    assert best is not None
    assert best.parameters["monitor"].accepts(None)


def test_a_function_that_an_annotation_names_refuses_values() -> None:
    mlp, layers = signature_of("myproject.models.mlp.MLP"), signature_of("leyden.models.layers.Layers")
    assert mlp is not None
    assert layers is not None
    activation, init, listed = mlp.parameters["activation"], mlp.parameters["init"], layers.parameters["layers"]
    for good in ("relu", {"LeakyReLU": 0.2}, {"_target_": "torch.nn.ReLU"}, None):
        assert activation.refusal("model.activation", good) is None
    assert str(activation.refusal("model.act", "rleu")).startswith(
        "model.act=rleu: torch.nn has no such activation; did"
    )
    assert str(init.refusal("model.init", "xaver")).startswith(
        "model.init=xaver: torch.nn has no such initialiser; did"
    )
    assert str(listed.refusal("model.layers", ["Flaten"])).startswith(
        "model.layers.0=Flaten: torch.nn has no such layer"
    )
    assert mlp.parameters["dropout"].refusal("model.dropout", 0.1) is None


def test_public_names_are_read_and_followed_by_star() -> None:
    assert {"Linear", "ReLU"} <= {*public_names("torch.nn")} == {*public_names("torch.nn.modules")}
    assert {"alexnet", "resnet18", "vit_b_16"} <= {*public_names("torchvision.models")}
    assert public_names("myproject.models.mlp") == public_names("no.such.module") == ()


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("torch.nn.Linaer", "torch.nn.Linear"),
        ("torchvision.models.resnet81", "torchvision.models.resnet18"),
        ("torchvision.models.convnext_tny", "torchvision.models.convnext_tiny"),
    ],
)
def test_a_class_that_is_not_there_is_refused_with_the_nearest(target: str, meant: str) -> None:
    for typed in (
        [f"model._target_={target}"],
        ["model._target_=torch.nn.Sequential", f"model._args_=[{{_target_: {target}}}]"],
    ):
        with pytest.raises(UserError, match=rf"^model\S*\._target_={target}: there is no such class; did .*={meant}\b"):
            compose(["model=linear", *typed])
