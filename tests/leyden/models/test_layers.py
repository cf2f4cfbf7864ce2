"""Every activation of torch by its name, and networks as lists of torch's layers."""

from typing import Any

import pytest
import torch
from torch import nn

from leyden.models.layers import Layers, make_activation
from leyden.models.notation import activation_names, layer_names
from leyden.system.errors import UserError

ARGUMENTS: dict[str, Any] = {"Threshold": [0.1, 20], "Softmax": 1, "Softmin": 1, "LogSoftmax": {"dim": 1}}
OF_OTHER_SHAPE = {"GLU", "MultiheadAttention", "Softmax2d"}


@pytest.mark.parametrize("name", activation_names())
def test_every_activation_of_torch_is_built_by_its_name(name: str) -> None:
    x, given = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0)), ARGUMENTS.get(name)
    kwargs = given if isinstance(given, dict) else {}
    expected = getattr(nn, name)(
        *(given if isinstance(given, list) else [given] if isinstance(given, int) else []), **kwargs
    )
    for written in (name, name.lower()):
        activation = make_activation({written: given} if given else written)
        assert type(activation) is getattr(nn, name)
        assert torch.equal(activation.eval()(x), expected.eval()(x))


def test_there_are_all_activations_and_layers_of_torch() -> None:
    assert set(activation_names()) == {*nn.modules.activation.__all__, "Identity"} - OF_OTHER_SHAPE
    classes = {name for name in nn.modules.__all__ if isinstance(getattr(nn, name), type)}
    assert set(layer_names()) == classes
    assert make_activation("leaky_relu").__class__ is nn.LeakyReLU  # as old configs write them
    assert make_activation("identity").__class__ is nn.Identity


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("rleu", r"torch\.nn has no such activation; did you mean model\.activation=ReLU\?$"),
        ("Linear", r"torch\.nn has no such activation"),
        ({"LeakyReLU": {"slope": 1}}, r"LeakyReLU has no argument slope; there are: inplace, negative_slope$"),
        ({"LeakyReLU": "steep"}, r"negative_slope of LeakyReLU must be a number, and is steep$"),
        ({"ReLU": [True, 1]}, r"ReLU takes inplace without names$"),
        ("Threshold", r"Threshold needs \{Threshold: \{threshold: …, value: …\}\}$"),
        (7, r"must be a name, or one name"),
        ({}, r"must be a name, or one name"),
        ({"PReLU": -1}, r"cannot be built"),
    ],
    ids=str,
)
def test_a_wrong_activation_is_one_line(activation: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"^model\.activation=.*: {message}") as refusal:
        make_activation(activation)
    assert "\n" not in str(refusal.value)


NETWORKS: dict[str, tuple[tuple[int, ...], list[Any], list[tuple[int, ...]]]] = {
    "dense": ((1, 4, 4), ["Flatten", {"Linear": 8}, "relu", {"Linear": "output_size"}], [(8, 16), (3, 8)]),
    "image": (
        (2, 9, 9),
        [
            *({"Conv2d": [4, 3]}, "BatchNorm2d", "ReLU", {"MaxPool2d": 2}),
            *({"Conv2d": {"out_channels": 5, "kernel_size": 1}}, {"AdaptiveAvgPool2d": 1}),
            *("Flatten", {"Linear": "output_size"}),
        ],
        [(4, 2, 3, 3), (4,), (5, 4, 1, 1), (3, 5)],
    ),
    "groups": (
        (6, 5, 5),
        [{"GroupNorm": 3}, "LayerNorm", "flatten", "LayerNorm", {"Linear": ["output_size"]}],
        [(6,), (6, 5, 5), (150,), (3, 150)],
    ),
    "series": (
        (2, 7),
        [{"Conv1d": [4, 3]}, "BatchNorm1d", "Flatten", {"Linear": "output_size"}],
        [(4, 2, 3), (4,), (3, 20)],
    ),
    "named": ((5,), [{"Linear": {"in_features": 5, "out_features": "output_size", "bias": False}}], [(3, 5)]),
    "lazy": ((5,), [{"LazyLinear": 4}, "Tanh", {"LazyLinear": "output_size"}], [(4, 5), (3, 4)]),
    "attention": (
        (4, 6),
        [
            {"TransformerEncoderLayer": {"nhead": 2, "dim_feedforward": 8, "batch_first": True}},
            *("Flatten", {"Linear": "output_size"}),
        ],
        [(18, 6), (6, 6), (8, 6), (6, 8), (6,), (6,), (3, 24)],
    ),
    "tokens": ((4,), [{"Embedding": [9, 2]}, "Flatten", {"Linear": "output_size"}], [(9, 2), (3, 8)]),
    "null": ((4,), [{"Identity": None}, {"Linear": "output_size"}], [(3, 4)]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_follow_from_the_input(name: str) -> None:
    shape, layers, weights = NETWORKS[name]
    network = Layers(shape, 3, layers)
    assert [tuple(p.shape) for key, p in network.named_parameters() if "bias" not in key] == weights
    assert not any("Lazy" in type(module).__name__ for module in network.modules())
    assert all(module.training for module in network.modules())
    assert network(torch.ones(2, *shape).long() if name == "tokens" else torch.ones(2, *shape)).shape == (2, 3)


def test_building_moves_no_statistics_and_draws_as_torch_does() -> None:
    torch.manual_seed(3)
    network = Layers((5,), 3, [{"Linear": 4}, "BatchNorm1d", {"Dropout": 0.5}, {"Linear": "output_size"}])
    torch.manual_seed(3)
    plain = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    state = plain.state_dict()
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_the_weights_are_initialised_as_told() -> None:
    network = Layers((5,), 3, [{"Linear": 4}, "ReLU", {"Linear": "output_size"}], init={"constant_": 0.5})
    assert all((layer.weight == 0.5).all() for layer in network if isinstance(layer, nn.Linear))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], r"=\[\]: must have at least one layer"),
        (["Flatten", {"Linera": 3}], r"\.1=\{Linera: 3\}: torch\.nn has no such layer; did you mean Linear\?$"),
        (
            ["Flatten", {"Linear": [784, 10]}],
            r"\.1=.*: Linear takes out_features without names; its in_features is known$",
        ),
        (
            [{"Conv2d": [1, 8, 3]}],
            r"\.0=.*: Conv2d takes out_channels, kernel_size without names; its in_channels is known$",
        ),
        ([{"BatchNorm2d": 8}], r"\.0=.*: BatchNorm2d takes no values without names; its num_features is known$"),
        ([{"Conv2d": 8}], r"\.0=.*: Conv2d needs \{Conv2d: \{kernel_size: …\}\}$"),
        ([{"Linear": {"width": 8}}], r"\.0=.*: Linear has no argument width"),
        ([{"Linear": "wide"}], r"\.0=.*: out_features of Linear must be a whole number, and is wide$"),
        ([{"Conv1d": [8, 3]}], r"\.0=.*: does not take a batch of shape \(2, 1, 28, 28\)"),
        ([{"Dropout": 2}], r"\.0=.*: cannot be built"),
        (["Flatten", {"LSTM": [784, 8]}], r"\.1=.*: makes a tuple, and the layers in a list make one tensor each$"),
        ([{"Linear": 8, "bias": False}], r"\.0=.*: must be a name, or one name with its arguments"),
        ([["Flatten"]], r"\.0=.*: must be a name, or one name with its arguments"),
    ],
    ids=str,
)
def test_a_wrong_layer_is_one_line_that_names_it(layers: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^model\.layers{message}") as refusal:
        Layers((1, 28, 28), 10, layers)
    assert "\n" not in str(refusal.value)
