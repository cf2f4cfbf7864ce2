from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import UserError
from myproject.models.input_checks import VGG_LAYERS
from myproject.models.vgg import VGG

SETTINGS = yaml.safe_load((Path(__file__).parents[2] / "configs" / "model" / "vgg.yaml").read_text(encoding="utf-8"))
TARGET = SETTINGS.pop("_target_")


def build(shape: tuple[int, ...] = (3, 32, 32), **settings: Any) -> VGG:
    torch.manual_seed(0)
    return VGG(shape, 10, **(SETTINGS | settings))


def inputs(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_the_config_is_configuration_a_and_fits_cifar() -> None:
    assert TARGET == "myproject.models.vgg.VGG"
    assert VGG_LAYERS["A"] == SETTINGS["layers"]
    network = build()
    assert network(inputs(2, 3, 32, 32)).shape == (2, 10)
    assert all(layer.kernel_size == (3, 3) for layer in network.modules() if isinstance(layer, nn.Conv2d))


@pytest.mark.parametrize(("name", "convolutions"), [("A", 8), ("B", 10), ("D", 13), ("E", 16)])
def test_the_configurations_have_the_convolutions_of_the_paper(name: str, convolutions: int) -> None:
    with torch.device("meta"):
        network = build((3, 224, 224), layers=name, hidden_sizes=[4096, 4096], batch_norm=False)
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == convolutions
    # Table 2 gives 133, 133, 138 and 144 million, for 1000 classes.
    parameters = sum(p.numel() for p in network.parameters()) + 990 * 4097
    assert round(parameters / 1e6) == {"A": 133, "B": 133, "D": 138, "E": 144}[name]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_every_parameter_gets_a_gradient(batch_norm: bool) -> None:
    network = build((1, 9, 14), layers=[4, "M", 6, 6, "M", "M"], hidden_sizes=[7], batch_norm=batch_norm)
    F.cross_entropy(network(inputs(8, 1, 9, 14)), torch.arange(8)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == (3 if batch_norm else 0)


def test_it_is_initialised_and_activated_as_it_is_told() -> None:
    network = build(layers=[4, "M"], activation="tanh", init="xavier", batch_norm=False, dropout=0.3)
    assert sum(isinstance(layer, nn.Tanh) for layer in network.modules()) == 2
    assert all((value == 0).all() for name, value in network.named_parameters() if name.endswith("bias"))
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.3]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([64, "X"], "X in [64,X] is neither"),
        ([64, 0, "M"], "0 in [64,0,M] is neither"),
        ([-3], "-3 in [-3] is neither"),
        ([True], "True in [True] is neither"),
        ("C", "layers=C to be a list, or one of A, B, D, E"),
    ],
)
def test_an_unknown_layer_is_refused_in_one_line(layers: Any, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        build(layers=layers)
    needs = VGG.check_input((3, 32, 32), **{"layers": layers})
    assert str(refusal.value) == f"model VGG needs {needs}"
    assert message in str(refusal.value)


def test_mnist_is_too_small_for_five_poolings_and_the_sentence_says_what_fits() -> None:
    with pytest.raises(UserError) as refusal:
        build((1, 28, 28))
    message = str(refusal.value)
    needs = VGG.check_input((1, 28, 28), **SETTINGS)
    assert message == f"model VGG needs {needs}"
    assert "can be halved 5 times, once for each M of its layers, and 28×28 can be halved 4 times" in message
    proposed = yaml.safe_load(message.partition("model.layers=")[2].strip("'"))
    assert proposed.count("M") == 4
    assert build((1, 28, 28), layers=proposed, hidden_sizes=[], dropout=[])(inputs(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("shape", [(7,), ("features",)])
def test_what_is_no_picture_is_refused(shape: Any) -> None:
    assert "try model=mlp" in str(VGG.check_input(shape, **SETTINGS))
    with pytest.raises(UserError, match="needs an image"):
        build(shape)
