"""What fits is loaded, whatever the prefixes; what does not is told."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leyden.checkpoints.weights import load_weights
from leyden.system.errors import UserError
from myproject.models.cnn import CNN
from myproject.models.pretrained import Pretrained

HEAD = ("output.weight", "output.bias")


def cnn(classes: int = 10, seed: int = 0) -> CNN:
    torch.manual_seed(seed)
    return CNN((1, 12, 12), classes, channels=[4, 6], hidden_sizes=[8], batch_norm=True)


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


def same(network: nn.Module, state: dict[str, Tensor], but: tuple[str, ...] = ()) -> bool:
    return all(torch.equal(value, state[name]) for name, value in network.state_dict().items() if name not in but)


@pytest.mark.parametrize("prefix", ["", "network.", "module.", "model.network.", "network._orig_mod."])
@pytest.mark.parametrize("key", [None, "state_dict", "model"])
def test_a_prefix_or_a_checkpoint_around_the_tensors_does_not_count(
    tmp_path: Path, prefix: str, key: str | None
) -> None:
    state = cnn(seed=1).state_dict()
    content = prefixed(state, prefix)
    checkpoint: Any = {"epoch": 3, key: content} if key else content
    network = cnn()
    report = load_weights(network, saved(tmp_path / "w.pt", checkpoint))
    assert same(network, state)
    assert set(report.matched) == set(state)
    assert report.missing == report.unexpected == report.wrong_shape == ()


def test_a_checkpoint_with_model_settings_is_read_for_its_state_dict(tmp_path: Path) -> None:
    state = cnn(seed=1).state_dict()
    content = {
        "model": {"channels": [4, 6]},
        "state_dict": {**prefixed(state, "network."), "loss.weight": torch.ones(3)},
    }
    network = cnn()
    load_weights(network, saved(tmp_path / "last.ckpt", content))
    assert same(network, state)


def test_the_head_for_other_classes_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state, network = cnn(classes=3, seed=1).state_dict(), cnn()
    head = network.output.weight.clone()
    with caplog.at_level(logging.INFO, logger="leyden"):
        report = load_weights(network, saved(tmp_path / "w.pt", state))
    assert report.wrong_shape == HEAD
    assert same(network, state, but=HEAD)
    assert torch.equal(network.output.weight, head)
    told, rest = caplog.messages
    assert told.startswith(f"weights: {len(state) - 2} of {len(state)} tensors from ")
    assert rest == "weights: of another shape: output.weight, output.bias"


def test_a_layer_is_loaded_as_a_whole(tmp_path: Path) -> None:
    state, network = cnn(seed=1).state_dict(), cnn()
    state["output.weight"] = torch.ones(10, 9)  # the bias would fit
    bias = network.output.bias.clone()
    assert load_weights(network, saved(tmp_path / "w.pt", state)).wrong_shape == HEAD
    assert torch.equal(network.output.bias, bias)


def test_what_one_side_lacks_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = cnn(seed=1).state_dict()
    partial = {name: v for name, v in state.items() if name not in HEAD and not name.endswith("num_batches_tracked")}
    with caplog.at_level(logging.INFO, logger="leyden"):
        report = load_weights(cnn(), saved(tmp_path / "w.pt", {**partial, "extra.weight": torch.ones(2)}))
    assert report.missing == HEAD
    assert report.unexpected == ("extra.weight",)
    assert caplog.messages[-1] == "weights: not in it: output.weight, output.bias; not used: extra.weight"


def test_a_checkpoint_of_a_pretrained_network_is_loaded_into_another(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = Pretrained((1, 32, 32), 7, name="squeezenet1_1")
    file = saved(tmp_path / "last.ckpt", {"state_dict": prefixed(source.state_dict(), "network.")})
    network = Pretrained((1, 32, 32), 5, name="squeezenet1_1", weights=str(file), freeze="backbone")
    assert same(network, source.state_dict(), but=HEAD)
    assert load_weights(Pretrained((1, 32, 32), 7, name="squeezenet1_1"), file).wrong_shape == ()


def test_what_fits_nowhere_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "w.pt", {"a.weight": torch.ones(2), "b.weight": torch.ones(3)})
    with pytest.raises(
        UserError, match=r"^init_from=\S+w\.pt: nothing in it fits .*it has a\.weight, b\.weight, the net"
    ):
        load_weights(cnn(), file)


def test_thousands_of_names_are_aligned(tmp_path: Path) -> None:
    tensor = torch.ones(1)
    state = {f"network.{number // 2}.{'weight' if number % 2 else 'bias'}": tensor for number in range(6000)}
    network = nn.Sequential(*(nn.PReLU() for _ in range(3000)))
    assert len(load_weights(network, saved(tmp_path / "w.pt", state)).matched) == 3000


def test_a_network_without_tensors_takes_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing in it fits this network"):
        load_weights(nn.ReLU(), saved(tmp_path / "w.pt", cnn().state_dict()))


class Harmful:
    pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Harmful(), "holds Python objects"),
        ({"state_dict": {}}, "holds no tensors by name"),
        ([torch.ones(2)], "holds no tensors by name"),
        (b"not a file of torch", "cannot be read"),
        (b"", "cannot be read"),
        (None, "there is no such file"),
    ],
    ids=["objects", "empty", "list", "bytes", "nothing", "missing"],
)
def test_a_file_that_is_none_of_tensors_is_one_line(tmp_path: Path, content: Any, message: str) -> None:
    file = tmp_path / "w.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(UserError) as refusal:
        load_weights(cnn(), file, setting="model.weights")
    assert str(refusal.value).startswith(f"model.weights={file}: {message}")
    assert "\n" not in str(refusal.value)


def test_half_a_file_is_one_line(tmp_path: Path) -> None:
    file = saved(tmp_path / "w.pt", cnn().state_dict())
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(UserError, match="cannot be read"):
        load_weights(cnn(), file)
