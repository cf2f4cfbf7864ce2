"""One wrong byte in a tensor is never trained on."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.checkpoints.weights import load_weights
from leyden.system.atomic_files import previous
from leyden.system.errors import UserError
from myproject.models.pretrained import Pretrained
from tests.leyden.checkpoints.test_weights import cnn, same, saved

SETTINGS = ["init_from", "model.weights"]


def flip(path: Path) -> Path:
    """A bit of a number of the output layer's weights."""
    raw, network = bytearray(path.read_bytes()), cnn(seed=1)
    place = raw.index(network.output.weight.detach().numpy().tobytes())
    raw[place + 13] ^= 0x40
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["last.ckpt", "weights.pt", "weights.pth", "weights"])
def test_a_flipped_byte_is_refused(name: str, setting: str, tmp_path: Path) -> None:
    file = flip(saved(tmp_path / name, cnn(seed=1).state_dict()))
    assert not same(cnn(seed=1), torch.load(file, weights_only=True)), "torch reads over it"
    network = cnn()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(UserError, match=rf"^{setting}={file}: is damaged .*give another one") as refusal:
        load_weights(network, file, setting)
    assert "\n" not in str(refusal.value)
    assert same(network, before)


def test_of_a_checkpoint_the_generation_before_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    older: Any = {"state_dict": cnn(seed=2).state_dict()}
    saved(previous(tmp_path / "best.ckpt"), older)
    file = flip(saved(tmp_path / "best.ckpt", {"state_dict": cnn(seed=1).state_dict()}))
    network = cnn()
    with caplog.at_level(logging.WARNING):
        load_weights(network, file)
    assert same(network, older["state_dict"])
    assert "taking best.previous.ckpt, the one before it" in caplog.text


def test_weights_of_a_pretrained_network_are_looked_at_too(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = Pretrained((1, 32, 32), 7, name="squeezenet1_1")
    file = saved(tmp_path / "weights.pt", source.state_dict())
    raw, numbers = bytearray(file.read_bytes()), source.state_dict()["output.weight"].numpy().tobytes()
    raw[raw.index(numbers) + 7] ^= 1
    file.write_bytes(raw)
    with pytest.raises(UserError, match=rf"^model\.weights={file}: is damaged"):
        Pretrained((1, 32, 32), 7, name="squeezenet1_1", weights=str(file))
