import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import UserError
from myproject.models.autoencoder import AutoEncoder

CONFIG = Path(__file__).parents[2] / "configs" / "model" / "autoencoder.yaml"
SETTINGS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
TARGET = SETTINGS.pop("_target_")
each_shape = pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 33, 20), (1, 5, 3), (1, 1, 1)], ids=str)


def build(shape: tuple[int, ...], **settings: Any) -> AutoEncoder:
    torch.manual_seed(0)
    return AutoEncoder(shape, math.prod(map(int, shape)), **(SETTINGS | settings))


def inputs(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@each_shape
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_image_of_any_size_comes_back_in_its_size(shape: tuple[int, ...], batch_norm: bool) -> None:
    network = build(shape, channels=[4, 5, 6], code_size=7, batch_norm=batch_norm)
    batch = inputs(4, *shape)
    assert network.encode(batch).shape == (4, 7)
    assert network.decode(network.encode(batch)).shape == (4, *shape)
    network.eval()
    assert torch.equal(network(batch), network.decode(network.encode(batch)).flatten(1))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_every_parameter_gets_a_gradient(batch_norm: bool) -> None:
    network = build((1, 9, 14), channels=[4, 5], batch_norm=batch_norm)
    batch = inputs(8, 1, 9, 14)
    F.mse_loss(network(batch), batch.flatten(1)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == (3 if batch_norm else 0)


def test_everything_goes_through_the_code() -> None:
    network = build((1, 12, 12), code_size=3).eval()
    with torch.no_grad():
        network.encoder[-1].weight.zero_()
    codes = network(inputs(4, 1, 12, 12))
    assert torch.equal(codes, codes[:1].expand_as(codes))


def test_the_config_learns_to_draw() -> None:
    network = build((1, 8, 8), channels=[8, 16], code_size=8)
    batch = inputs(4, 1, 8, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        loss = F.mse_loss(network(batch), batch.flatten(1))
        loss.backward()
        optimizer.step()
    assert loss < 0.1  # 1 for a grey image; negative values are drawn too, as the last layer is linear


def test_another_output_size_is_refused_with_the_task_that_fits() -> None:
    with pytest.raises(UserError, match=r"needs .* 784, and the task asks for 10; try task=reconstruction$"):
        AutoEncoder((1, 28, 28), 10, **SETTINGS)


@pytest.mark.parametrize("shape", [(7,), ("features",)])
def test_what_is_no_picture_is_refused(shape: Any) -> None:
    assert "an image (channels, height, width)" in str(AutoEncoder.check_input(shape, **SETTINGS))


def test_it_needs_a_convolution() -> None:
    with pytest.raises(UserError, match="one convolution at least; give channels"):
        build((1, 8, 8), channels=[])
    assert AutoEncoder.check_input((1, 8, 8), **{"channels": []})
