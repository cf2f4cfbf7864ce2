"""Every initialiser of torch.nn.init, the schemes and functions of the project, by name."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leyden.models.initialisers import initialise
from leyden.models.notation import SCHEMES, fill_names
from leyden.system.errors import UserError
from leyden.training.build import build_network

each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def layers() -> nn.Sequential:
    """One of each kind, with biases and norms that are not what they should become."""
    made = nn.Sequential(
        nn.Conv1d(2, 3, 3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.Linear(6, 5), nn.LayerNorm(5)
    )
    for parameter in made.parameters():
        nn.init.uniform_(parameter, 0.1, 0.9)
    return made


def variance(weight: Tensor) -> float:
    return weight.square().mean().item()


@each_scheme
def test_weights_are_filled_biases_zero_and_norms_identity(scheme: str) -> None:
    network = layers()
    before = [parameter.clone() for parameter in network.parameters()]
    initialise(network, scheme)
    for layer in network:
        assert isinstance(layer.weight, Tensor)
        assert isinstance(layer.bias, Tensor)
        assert (layer.bias == 0).all()
        if "Norm" in type(layer).__name__:
            assert (layer.weight == 1).all()
        else:
            assert len(layer.weight.unique()) > 10
            assert layer.weight.min() < 0 < layer.weight.max()
    assert all(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_default_leaves_everything_as_it_was() -> None:
    network = layers()
    before = [parameter.clone() for parameter in network.parameters()]
    initialise(network, "default")
    assert all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_layers_without_a_bias_or_a_scale_are_taken_too() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.Linear(6, 5, bias=False),
        nn.BatchNorm2d(4, affine=False),
        nn.LayerNorm(5, bias=False),
        nn.LayerNorm(5, elementwise_affine=False),
    )
    initialise(network, "kaiming")
    assert torch.equal(network.get_parameter("3.weight"), torch.ones(5))


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("xavier", 2 / (800 + 500)),
        ("xavier_normal", 2 / (800 + 500)),
        ("kaiming", 2 / 800),
        ("kaiming_uniform", 2 / 800),
        ("lecun", 1 / 800),
        ("normal", 0.02**2),
    ],
)
def test_the_variance_is_that_of_the_theory(scheme: str, expected: float) -> None:
    dense = nn.Linear(800, 500)
    initialise(dense, scheme)
    assert variance(dense.weight) == pytest.approx(expected, rel=0.02)
    assert dense.weight.mean().abs() < 1e-3

    convolution = nn.Conv2d(32, 20, 5)  # 25 weights for each of 32 channels in: 800, and 500 out
    initialise(convolution, scheme)
    assert variance(convolution.weight) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("name", "uniform"), [("xavier", True), ("xavier_normal", False), ("kaiming_uniform", True)])
def test_a_uniform_scheme_is_bounded_and_a_normal_one_is_not(name: str, uniform: bool) -> None:
    dense = nn.Linear(800, 500)
    initialise(dense, name)
    largest = (dense.weight.abs().max() / dense.weight.std()).item()
    assert largest == pytest.approx(3**0.5, rel=0.01) if uniform else largest > 4


def test_truncated_normal_has_no_tails() -> None:
    dense = nn.Linear(800, 500)
    initialise(dense, "truncated_normal")
    assert dense.weight.std().item() == pytest.approx(0.02, rel=0.15)
    assert dense.weight.abs().max() < 3 * dense.weight.std()


@pytest.mark.parametrize("layer", [nn.Linear(30, 20), nn.Linear(20, 30), nn.Conv2d(3, 8, 3), nn.Conv2d(2, 40, 3)])
def test_orthogonal_weights_are_orthonormal(layer: nn.Linear | nn.Conv2d) -> None:
    initialise(layer, "orthogonal")
    matrix = layer.weight.detach().flatten(1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert torch.allclose(product, torch.eye(len(product)), atol=1e-5)


ARGUMENTS: dict[str, Any] = {"constant_": 0.5, "sparse_": {"sparsity": 0.5}}
TWO_DIMENSIONS, MORE = ("eye_", "sparse_"), ("dirac_",)


@pytest.mark.parametrize("name", fill_names())
def test_every_function_of_torch_fills_as_when_it_is_called(name: str) -> None:
    layer: nn.Linear | nn.Conv2d = nn.Conv2d(3, 4, 3) if name in MORE else nn.Linear(6, 5)
    expected = torch.empty_like(layer.weight)
    given = ARGUMENTS.get(name)
    torch.manual_seed(1)
    getattr(nn.init, name)(expected, **(given if isinstance(given, dict) else {"val": given} if given else {}))
    for written in (name, name[:-1]) if name[:-1] not in SCHEMES else (name,):
        torch.manual_seed(1)
        initialise(layer, {written: given} if given else written)
        assert torch.equal(layer.weight, expected)
        assert layer.bias is not None
        assert (layer.bias == 0).all()


def test_there_are_all_functions_of_torch() -> None:
    assert {name for name in vars(nn.init) if name.endswith("_") and name[0] != "_"} == set(fill_names())


def test_arguments_reach_the_function() -> None:
    dense = nn.Linear(800, 500)
    initialise(dense, {"normal_": {"std": 3.0, "mean": 7.0}})
    assert dense.weight.mean().item() == pytest.approx(7, rel=0.01)
    assert dense.weight.std().item() == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("xavier_norml_", r"torch\.nn has no such initialiser; did you mean model\.init=xavier_normal"),
        ({"normal_": {"sd": 1}}, r"normal_ has no argument sd; did you mean std\?$"),
        ({"normal_": {"std": "wide"}}, r"std of normal_ must be a number, and is wide$"),
        ({"xavier": {"gain": 2}}, r"xavier takes no arguments; give those of \{xavier_uniform_: …\}$"),
        ("constant_", r"constant_ needs \{constant_: \{val: …\}\}$"),
        ("eye_", r"cannot fill a Conv2d weight of shape \(4, 3, 3, 3\) \(Only tensors with 2 dimensions"),
        ({"a": 1, "b": 2}, r"must be a name, or one name with its arguments"),
        ("os.system", r"must be a function in myproject\.models$"),
        ({"os.system": "true"}, r"must be a function in myproject\.models$"),
        ("torch.nn.init.normal_", r"must be a function in myproject\.models$"),
        ("myproject.models.init.initialise", r"must be a function that myproject\.models defines itself$"),
        ("myproject.models.init.nn", r"there is no such function$"),
        ("myproject.models.init.nothing", r"there is no such function$"),
        ("myproject.modelsx.init.nothing", r"must be a function in myproject\.models$"),
    ],
    ids=str,
)
def test_what_is_unknown_or_does_not_fit_is_one_line(init: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"^model\.init=.*{message}") as refusal:
        initialise(nn.Sequential(nn.Conv2d(3, 4, 3)), init)
    assert "\n" not in str(refusal.value)


def test_a_function_of_the_project_gets_the_network_and_its_arguments() -> None:
    model = {"_target_": "myproject.models.mlp.MLP", "input_shape": (6,), "output_size": 3, "hidden_sizes": [4]}
    name = "myproject.models.init.zero_output"
    for init in (name, {name: {"hidden": "ones_"}}):
        network = build_network({**model, "init": init})
        assert (network.get_parameter("output.weight") == 0).all()
        assert (network.get_parameter("hidden.1.weight") == 1).all() == isinstance(init, dict)
