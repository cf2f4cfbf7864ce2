from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from myproject.models.init import SCHEMES, Scheme, initialise

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


def test_every_scheme_may_be_asked_for() -> None:
    assert set(get_args(Scheme)) == {"default", *SCHEMES}


@each_scheme
def test_weights_are_filled_biases_zero_and_norms_identity(scheme: Scheme) -> None:
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
def test_the_variance_is_that_of_the_theory(scheme: Scheme, expected: float) -> None:
    dense = nn.Linear(800, 500)
    initialise(dense, scheme)
    assert variance(dense.weight) == pytest.approx(expected, rel=0.02)
    assert dense.weight.mean().abs() < 1e-3

    convolution = nn.Conv2d(32, 20, 5)  # 25 weights for each of 32 channels in: 800, and 500 out
    initialise(convolution, scheme)
    assert variance(convolution.weight) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("name", "uniform"), [("xavier", True), ("xavier_normal", False), ("kaiming_uniform", True)])
def test_a_uniform_scheme_is_bounded_and_a_normal_one_is_not(name: Scheme, uniform: bool) -> None:
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
