from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import DataSpec, UserError, build_network, build_task, complete_model, compose, make_activation
from myproject.models.cnn import CNN
from myproject.models.linear import Linear
from myproject.models.mlp import MLP

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
IMAGES = [(1, 28, 28), (3, 32, 32), (2, 33, 20)]
VECTORS = [(7,), (2, 5)]
FITTING = [
    *(("linear", shape) for shape in IMAGES + VECTORS),
    *(("mlp", shape) for shape in IMAGES + VECTORS),
    *(("cnn", shape) for shape in IMAGES),
]
each_fit = pytest.mark.parametrize(("name", "shape"), FITTING, ids=str)


def build(name: str, shape: tuple[int, ...], classes: int = 10, **settings: Any) -> nn.Module:
    """The network of configs/model/<name>.yaml, with some settings changed."""
    torch.manual_seed(0)
    model = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")) | settings
    names = tuple(map(str, range(classes)))
    return build_network(complete_model(model, DataSpec("classification", shape, classes, names, (0.0,), (1.0,))))


def inputs(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def sizes(network: nn.Module, kind: type[nn.Linear | nn.Conv2d]) -> list[tuple[int, ...]]:
    return [tuple(layer.weight.shape[1::-1]) for layer in network.modules() if isinstance(layer, kind)]


@each_fit
@pytest.mark.parametrize("classes", [2, 10])
def test_a_network_maps_a_batch_of_inputs_to_its_output_size(name: str, shape: tuple[int, ...], classes: int) -> None:
    network = build(name, shape, classes)
    assert network(inputs(4, *shape)).shape == (4, classes)
    network.eval()
    assert network(inputs(1, *shape)).shape == (1, classes)


@each_fit
def test_every_parameter_gets_a_gradient(name: str, shape: tuple[int, ...]) -> None:
    network = build(name, shape)
    F.cross_entropy(network(inputs(8, *shape)), torch.arange(8)).backward()
    for parameter, values in network.named_parameters():
        assert values.grad is not None, parameter
        assert values.grad.abs().sum() > 0, parameter


@each_fit
def test_items_of_a_batch_do_not_meet_in_evaluation(name: str, shape: tuple[int, ...]) -> None:
    network = build(name, shape).eval()
    batch = inputs(4, *shape)
    alone = torch.cat([network(item[None]) for item in batch])
    assert torch.allclose(network(batch), alone, atol=1e-5)


def test_linear_is_an_affine_map() -> None:
    network = build("linear", (2, 5))
    a, b, zero = inputs(2, 2, 5)[:1], inputs(2, 2, 5)[1:], torch.zeros(1, 2, 5)
    assert torch.allclose(network(2 * a - 3 * b), 2 * network(a) - 3 * network(b) + 2 * network(zero), atol=1e-5)


def test_an_mlp_without_hidden_layers_is_the_linear_network() -> None:
    linear, mlp = Linear((1, 4, 4), 3), MLP((1, 4, 4), 3, hidden_sizes=[])
    mlp.load_state_dict(linear.state_dict())
    assert torch.equal(mlp(inputs(5, 1, 4, 4)), linear(inputs(5, 1, 4, 4)))


def test_the_mlp_on_mnist_is_784_548_252_10() -> None:
    network = build("mlp", (1, 28, 28))
    assert sizes(network, nn.Linear) == [(784, 548), (548, 252), (252, 10)]
    # Weights, scale and shift of each BatchNorm in place of a bias, and the last bias.
    expected = 784 * 548 + 2 * 548 + 548 * 252 + 2 * 252 + 252 * 10 + 10
    assert sum(p.numel() for p in network.parameters()) == expected == 571_858
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.5, 0.2]


def test_the_cnn_on_mnist_has_the_layers_of_lenet() -> None:
    network = build("cnn", (1, 28, 28))
    assert sizes(network, nn.Conv2d) == [(1, 6), (6, 16)]
    assert all(layer.kernel_size == (5, 5) for layer in network.modules() if isinstance(layer, nn.Conv2d))
    assert sizes(network, nn.Linear) == [(16 * 7 * 7, 120), (120, 84), (84, 10)]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_batch_norm_makes_a_bias_before_it_needless(name: str) -> None:
    for batch_norm in (True, False):
        layers = build(name, (1, 28, 28), batch_norm=batch_norm).modules()
        normed = [before for before, after in pairwise(layers) if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d)]
        assert len(normed) == (2 if batch_norm else 0)
        assert all(layer.bias is None for layer in normed)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_one_dropout_serves_for_all_layers_and_is_still_in_evaluation(name: str) -> None:
    network = build(name, (1, 28, 28), dropout=0.3)
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.3, 0.3]
    batch = inputs(4, 1, 28, 28)
    assert not torch.equal(network(batch), network(batch))
    network.eval()
    assert torch.equal(network(batch), network(batch))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("dropout", [[0.5], [0.5, 0.2, 0.1], []])
def test_a_dropout_list_of_another_length_is_refused(name: str, dropout: list[float]) -> None:
    with pytest.raises(
        UserError, match=r"^model \w+ needs one dropout, or one for each of 2 hidden layers; model\.dropout="
    ):
        build(name, (1, 28, 28), dropout=dropout)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_an_unknown_activation_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UserError, match=r"^model\.activation=rleu: .*; did you mean model\.activation=ReLU\?$"):
        build(name, (1, 28, 28), activation="rleu")


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_an_unknown_initialisation_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UserError, match=r"^model\.init=he: .*; there are: .*kaiming"):
        build(name, (1, 28, 28), init="he")


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_a_network_is_initialised_as_it_is_told(name: str) -> None:
    biases = [values for key, values in build(name, (1, 28, 28), init="xavier").named_parameters() if "bias" in key]
    assert biases
    assert all((values == 0).all() for values in biases)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "GELU", {"ELU": 0.5}, {"PReLU": {"init": 0.1}}], ids=str)
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_the_activation_is_used_after_every_hidden_layer(name: str, activation: str | dict[str, Any]) -> None:
    network, expected = build(name, (1, 28, 28), activation=activation), make_activation(activation)
    used = sum(type(layer) is type(expected) and repr(layer) == repr(expected) for layer in network.modules())
    assert used == {"mlp": 2, "cnn": 4}[name]
    assert network(inputs(2, 1, 28, 28)).isfinite().all()


@pytest.mark.parametrize("shape", [(7,), (28, 28), (1, 1, 28, 28)])
def test_the_cnn_refuses_what_is_no_image_and_names_a_network_that_fits(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError) as refusal:
        CNN(shape, 10, channels=[4], hidden_sizes=[])
    needs = CNN.check_input(shape, **{"channels": [4]})
    assert str(refusal.value) == f"model CNN needs {needs}"
    assert "model=mlp" in str(refusal.value)


@pytest.mark.parametrize(("shape", "deepest"), [((1, 28, 28), 4), ((3, 32, 32), 5), ((1, 33, 20), 4), ((1, 5, 40), 2)])
def test_the_cnn_halves_a_image_as_often_as_it_goes_and_no_oftener(shape: tuple[int, ...], deepest: int) -> None:
    assert CNN(shape, 10, channels=[2] * deepest, hidden_sizes=[])(inputs(2, *shape)).shape == (2, 10)
    channels = [2] * (deepest + 1)
    with pytest.raises(UserError) as refusal:
        CNN(shape, 10, channels=channels, hidden_sizes=[])
    needs = CNN.check_input(shape, **{"channels": channels})
    assert str(refusal.value) == f"model CNN needs {needs}"
    assert f"give {deepest} channels or fewer" in str(refusal.value)


def test_a_network_without_a_requirement_takes_every_shape() -> None:
    assert MLP.check_input((7,), **{}) is None


class Seven(nn.Module):
    """Looks at neither."""

    def __init__(self, input_shape: tuple[int, ...], output_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 7))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_a_network_with_another_number_of_outputs_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose(["model=linear"]).config
    monkeypatch.setattr("myproject.models.linear.Linear", Seven)
    names = tuple(map(str, range(10)))
    with pytest.raises(UserError, match=r"^model Seven: makes \(2, 7\) of a batch of two, and must make \(2, 10\)"):
        build_task(config, DataSpec("classification", (1, 28, 28), 10, names, (0.0,), (1.0,)))
