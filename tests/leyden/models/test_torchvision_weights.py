"""leyden.models.torchvision_weights: names of files, read from torchvision's source text."""

from pathlib import Path

import pytest
import torch
import torchvision
from torchvision.models import get_model_weights, list_models

from leyden.models.torchvision_weights import torchvision_weights_download, weights_file


def test_the_file_of_all_weights_is_the_one_that_torchvision_downloads() -> None:
    for name in list_models(module=torchvision.models):
        weights = get_model_weights(name)
        expected = {key: member.url.rpartition("/")[2] for key, member in weights.__members__.items()}
        assert {key: weights_file(name, key) for key in expected} == expected
    assert weights_file("resnet18", "IMAGENET1K_V9") is None
    assert weights_file("resnet_18", "DEFAULT") is None


def test_weights_are_needed_until_they_are_in_the_cache_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert torchvision_weights_download("resnet18", "DEFAULT") == "the weights resnet18-f37072fd.pth"
    file = Path(torch.hub.get_dir(), "checkpoints", "resnet18-f37072fd.pth")  # where torch itself looks
    file.parent.mkdir(parents=True)
    file.touch()
    assert torchvision_weights_download("resnet18", "DEFAULT") is None
    assert torchvision_weights_download("resnet34", "DEFAULT") == "the weights resnet34-b627a593.pth"
    assert torchvision_weights_download("resnet34", None) is None
    assert torchvision_weights_download("resnet34", "./own.pth") is None
