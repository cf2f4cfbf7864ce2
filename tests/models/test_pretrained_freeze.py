"""What is frozen stays as it is, to the bit, and everything else learns; what cannot be built is refused."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import OptimizerFactory, UserError
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


# Settings and images that a network of torchvision cannot have are refused with what it can.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet81"}, r"^model\.name=resnet81: .*did you mean model\.name=resnet18"),
        (
            {"weights": "IMAGENET1K_V3"},
            r"^model\.weights=IMAGENET1K_V3: .*did you mean model\.weights=IMAGENET1K_V1",
        ),
        ({"name": "vgg16", "weights": "IMAGENET1K_FEATURES", "shape": (3, 64, 64)}, r"no such weights"),
        ({"weights": "runs/no.pt"}, r"^model\.weights=runs/no\.pt: there is no such file"),
        (
            {"freeze": "until:layer5"},
            r"^model\.freeze=until:layer5: .*did you mean model\.freeze=until:layer\d",
        ),
        ({"freeze": "until:conv1"}, r"^model\.freeze=until:conv1: no parameter comes before conv1"),
        ({"freeze": "head"}, r"^model\.freeze=head: must be none, backbone or until:<layer>"),
        ({"name": "mobilenet_v2", "stem": "cifar"}, r"^model\.stem=cifar: .*name=mobilenet_v2; set auto"),
        ({"weights": "DEFAULT", "load": False, "stem": "cifar"}, r"^model\.stem=cifar: .*weights=DEFAULT; set auto"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(**settings)


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((7,), {}, "an image (channels, height, width), and this input has the shape (7,); try model=mlp"),
        (("features",), {}, "the shape (features,)"),
        ((3, 28, 28), {"name": "vgg11"}, "32 pixels a side for vgg11, and this one is 28×28"),
        ((3, 28, 28), {"name": "vit_b_16"}, "a square of patches of 16 pixels"),
        ((3, 48, 32), {"name": "vit_b_16"}, "a square of patches of 16 pixels"),
        ((3, 32, 32), {"name": "maxvit_t"}, "a side of 224 pixels"),
        ((2, 28, 28), {"weights": "DEFAULT"}, "1 or 3 channels for weights=DEFAULT, and this one has 2"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused_before_torch(shape: Any, settings: Any, message: str) -> None:
    refusal = Pretrained.check_input(shape, **settings)
    assert refusal is not None
    assert message in refusal
    with pytest.raises(UserError) as error:
        build(shape, **settings)
    assert str(error.value) == f"model Pretrained needs {refusal}"


@pytest.mark.parametrize(("name", "side"), [("alexnet", 63), ("squeezenet1_0", 21), ("squeezenet1_1", 17)])
def test_the_smallest_picture_is_the_smallest_that_goes_through(name: str, side: int) -> None:
    assert build((3, side, side), name=name)(images(2, 3, side, side)).shape == (2, 5)
    assert Pretrained.check_input((3, side - 1, side), **{"name": name})
    with pytest.raises(RuntimeError):
        build((3, side, side), name=name)(images(2, 3, side - 1, side - 1))
