"""Networks of torchvision: their weights are found, and see what they were trained with."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import UserError
from myproject.models.pretrained import Pretrained

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
FILE = "resnet18-f37072fd.pth"


def build(shape: tuple[int, ...] = (3, 32, 32), classes: int = 5, **settings: Any) -> Pretrained:
    torch.manual_seed(0)
    return Pretrained(shape, classes, **settings)


def images(*shape: int) -> Tensor:
    """Values in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def resnet18() -> nn.Module:
    """A network in torchvision's layout that gives other features than a new one."""
    torch.manual_seed(7)
    network: nn.Module = torchvision.models.resnet18(weights=None)
    network(torch.rand(8, 3, 64, 64))  # moves the running statistics
    return network.eval()


@pytest.fixture(scope="session")
def resnet18_file(resnet18: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, where torchvision looks for a downloaded file."""
    file = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints" / FILE
    file.parent.mkdir(parents=True)
    torch.save(resnet18.state_dict(), file)
    return file


@pytest.fixture
def downloaded(resnet18_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(resnet18_file.parents[2]))


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", refuse)


def features_of(network: nn.Module, batch: Tensor) -> Tensor:
    """What torchvision's network makes of a batch before its last layer."""
    found = {}
    handle = network.fc.register_forward_pre_hook(lambda _, inputs: found.update(x=inputs[0]))
    network(batch)
    handle.remove()
    return found["x"]


@pytest.mark.sample(2)
@pytest.mark.usefixtures("downloaded")
@pytest.mark.parametrize("shape", [(3, 32, 40), (1, 28, 28), (3, 224, 224), (3, 300, 250)], ids=str)
def test_published_weights_see_images_as_they_were_trained_with(resnet18: nn.Module, shape: tuple[int, ...]) -> None:
    mean, std = torch.tensor(MEAN[: shape[0]]).view(-1, 1, 1), torch.tensor(STD[: shape[0]]).view(-1, 1, 1)
    network = build(shape, weights="DEFAULT", mean=MEAN[: shape[0]], std=STD[: shape[0]]).eval()
    batch = images(2, *shape)
    seen = F.interpolate(batch.expand(-1, 3, -1, -1), (224, 224), mode="bilinear", antialias=True)
    seen = (seen - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        3, 1, 1
    )
    with torch.no_grad():
        expected = features_of(resnet18, seen)
        assert torch.allclose(network.features((batch - mean) / std), expected, atol=1e-4)
    assert network((batch - mean) / std).shape == (2, 5)


@pytest.mark.usefixtures("offline")
def test_without_a_network_one_line_says_which_file_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        build(weights="IMAGENET1K_V1")
    message = str(refusal.value)
    assert message.startswith("model.weights=IMAGENET1K_V1: https://")
    assert "no route to host" in message
    assert message.endswith(f"put it at {tmp_path / 'hub' / 'checkpoints' / FILE}")
    assert "\n" not in message


@pytest.mark.usefixtures("offline")
def test_a_damaged_file_of_weights_is_named(tmp_path: Path) -> None:
    file = tmp_path / "hub" / "checkpoints" / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a downl")
    with pytest.raises(UserError, match=rf"^model\.weights=IMAGENET1K_V1: .*{FILE} cannot be read; delete it"):
        build(weights="DEFAULT")


@pytest.mark.usefixtures("offline")
def test_a_checkpoint_brings_its_own_weights_into_the_same_network(resnet18_file: Path) -> None:
    settings: dict[str, Any] = {"shape": (1, 28, 28), "weights": "DEFAULT", "mean": (0.1,), "std": (0.3,)}
    empty = build(**settings, load=False).eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(resnet18_file.parents[2]))
        network = build(**settings).eval()
    batch = images(2, 1, 28, 28)
    assert not torch.allclose(empty(batch), network(batch))
    empty.load_state_dict(network.state_dict())
    assert torch.equal(empty(batch), network(batch))
    build(weights="not/there.pt", load=False)


def test_a_file_of_torchvision_is_loaded_into_the_backbone(resnet18: nn.Module, resnet18_file: Path) -> None:
    network = build(weights=str(resnet18_file), stem="imagenet").eval()
    batch = images(2, 3, 32, 32)  # as it is: neither resized nor normalised
    assert torch.allclose(network.features(batch), features_of(resnet18, batch), atol=1e-5)


def test_the_head_of_a_file_is_left_out_also_where_it_would_fit(resnet18: nn.Module, resnet18_file: Path) -> None:
    network = build(weights=str(resnet18_file), stem="imagenet", classes=1000).eval()
    batch = images(2, 3, 32, 32)
    assert torch.allclose(network.features(batch), features_of(resnet18, batch), atol=1e-5)
    assert not torch.allclose(network(batch), resnet18(batch), atol=1e-3)


def test_a_file_of_another_network_is_not_frozen_at_random(
    resnet18_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"weights": str(resnet18_file), "stem": "imagenet", "name": "resnet34"}
    with pytest.raises(UserError, match=r"^model\.weights=.* lacks \d+ of the tensors of model\.name=resnet34"):
        build(**settings, freeze="backbone")
    with caplog.at_level("WARNING", logger="myproject"):
        build(**settings)
    assert "stay random" in caplog.text


def test_a_file_for_colour_serves_grey_images(resnet18: nn.Module, resnet18_file: Path) -> None:
    network = build((1, 32, 32), weights=str(resnet18_file), stem="imagenet").eval()
    batch = images(2, 1, 32, 32)
    assert torch.allclose(network.features(batch), features_of(resnet18, batch.expand(-1, 3, -1, -1)), atol=1e-4)


def test_a_file_with_another_stem_is_refused(resnet18_file: Path) -> None:
    with pytest.raises(UserError, match=r"^model\.weights=.*first convolution.*; set model\.stem=imagenet or cifar"):
        build(weights=str(resnet18_file))


@pytest.mark.parametrize(
    ("shape", "stem", "size"),
    [
        ((3, 32, 32), "auto", 32),
        ((1, 28, 28), "auto", 28),
        ((1, 64, 64), "auto", 64),
        ((1, 64, 65), "auto", 17),
        ((3, 32, 32), "imagenet", 8),
    ],
)
def test_the_stem_of_a_resnet_keeps_small_images_large(shape: tuple[int, ...], stem: Any, size: int) -> None:
    network = build(shape, stem=stem).eval()
    seen = []
    network.backbone.layer1.register_forward_hook(lambda _, __, output: seen.append(output.shape[-1]))
    assert network(images(2, *shape)).shape == (2, 5)
    assert seen == [size]


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "vit_b_32", "googlenet"])
def test_any_classification_network_serves(name: str) -> None:
    network = build((1, 32, 32), name=name)
    logits = network(images(4, 1, 32, 32))
    assert logits.shape == (4, 5)
    assert network.features(images(2, 1, 32, 32)).shape == (2, network.feature_size)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_config_builds_it() -> None:
    path = Path(__file__).parents[2] / "configs" / "model" / "resnet.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert settings.pop("_target_") == "myproject.models.pretrained.Pretrained"
    assert sum(p.numel() for p in build(classes=10, **settings).parameters()) == 11_173_962  # CIFAR's ResNet-18
