"""Settings and images that a network of torchvision cannot have are refused with what it can."""

from typing import Any

import pytest
import torch
from torch import Tensor

from leyden import UserError
from myproject.models.pretrained import Pretrained


def build(shape: tuple[int, ...] = (3, 32, 32), classes: int = 5, **settings: Any) -> Pretrained:
    torch.manual_seed(0)
    return Pretrained(shape, classes, **settings)


def images(*shape: int) -> Tensor:
    """Values in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


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
