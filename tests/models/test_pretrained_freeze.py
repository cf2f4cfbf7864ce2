"""What is frozen stays as it is, to the bit; everything else learns."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import OptimizerFactory
from myproject.models.pretrained import Pretrained


def build(shape: tuple[int, ...] = (3, 32, 32), classes: int = 5, **settings: Any) -> Pretrained:
    torch.manual_seed(0)
    return Pretrained(shape, classes, **settings)


def images(*shape: int) -> Tensor:
    """Values in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def step(network: nn.Module, batch: Tensor, **settings: Any) -> None:
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], weight_decay=0.1)
    F.cross_entropy(network(batch), torch.arange(len(batch)) % 5).backward()
    optimizer.step()


def changed(before: dict[str, Tensor], network: nn.Module) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_a_frozen_backbone_is_bit_identical_after_training() -> None:
    network = build(freeze="backbone").train()
    before = copied(network)
    step(network, images(5, 3, 32, 32))
    assert changed(before, network) == {"output.weight", "output.bias"}
    assert all(p.grad is None for p in network.backbone.parameters())
    assert not network.features(images(2, 3, 32, 32).requires_grad_()).requires_grad


def test_without_freezing_everything_is_trained() -> None:
    network = build().train()
    before = copied(network)
    step(network, images(5, 3, 32, 32))
    assert changed(before, network) == set(before)


@pytest.mark.parametrize("freeze", ["until=layer4", "until:layer4"])
def test_layers_before_another_are_frozen_with_their_statistics(freeze: str) -> None:
    network = build(freeze=freeze).train()
    before = copied(network)
    step(network, images(5, 3, 32, 32))
    assert changed(before, network) == {name for name in before if name.startswith(("backbone.layer4.", "output."))}
    assert not network.frozen


def test_within_a_block_too() -> None:
    network = build(freeze="until:layer4.1.bn2").train()
    before = copied(network)
    step(network, images(5, 3, 32, 32))
    assert changed(before, network) == {
        name for name in before if name.startswith(("backbone.layer4.1.bn2.", "output."))
    }
    assert network.backbone.layer4.training
    assert not network.backbone.layer4[0].training


def test_frozen_dropout_is_off() -> None:
    batch = images(2, 3, 32, 32)
    for freeze, still in (("backbone", True), ("none", False)):
        network = build(name="mobilenet_v2", freeze=freeze).train()
        assert torch.equal(network.features(batch), network.features(batch)) is still


def test_freezing_comes_and_goes() -> None:
    network = build(freeze="backbone").train()
    assert network.frozen
    network.unfreeze()
    assert not network.frozen
    assert all(p.requires_grad for p in network.parameters())
    assert all(m.training for m in network.modules())
    network(images(4, 3, 32, 32)).sum().backward()
    network.freeze()
    assert network.frozen
    assert all(p.grad is None and not p.requires_grad for p in network.backbone.parameters())
    assert not any(m.training for m in network.backbone.modules())
    assert not any(m.training for m in network.eval().modules())


def test_features_that_were_kept_give_the_same_logits() -> None:
    network = build(freeze="backbone", dropout=0.5).eval()
    batch = images(3, 3, 32, 32)
    kept = network.features(batch)
    assert torch.equal(network(kept), network(batch))
    network.train()
    assert not torch.equal(network(kept), network(kept))  # dropout is the head's


def test_the_backbone_learns_at_a_rate_of_its_own() -> None:
    network = build()
    optimizer = OptimizerFactory(lambda p: torch.optim.SGD(p, lr=1.0), lr_scale={"^backbone": 0.1})(network)
    rates = {parameter: group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert all(rates[p] == pytest.approx(0.1) for p in network.backbone.parameters())
    assert all(rates[p] == 1.0 for p in network.output.parameters())
