"""What fits is loaded, whatever the prefixes; what does not is told."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leyden.checkpoints.weights import load_initial, load_weights
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


def test_names_are_changed_by_patterns_in_their_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = cnn(seed=1).state_dict()
    file = saved(tmp_path / "w.pt", {f"old.{name}".replace("output", "head"): value for name, value in state.items()})
    network = cnn()
    with caplog.at_level(logging.INFO, logger="leyden"):
        report = load_weights(network, file, rename={r"^old\.": "new.", r"^new\.head\.(\w+)$": r"new.output.\1"})
    assert same(network, state)
    assert report.renamed == len(state)
    assert caplog.messages == [f"weights: {len(state)} of {len(state)} tensors from {file}, {len(state)} renamed"]


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"^older": "new"}, r"\.rename: \^older matches nothing in \S+w\.pt; it has hidden\.0\.weight, "),
        ({r"^hidden\.": "", "^hidden": "x"}, r"\.rename: \^hidden matches nothing in "),
        ({r"^.*$": "one"}, r"\.rename: gives several tensors of \S+w\.pt the name one$"),
        ({r"^hidden": r"\2"}, r"\.rename: \^hidden cannot be replaced by \\2 \("),
    ],
    ids=str,
)
def test_a_pattern_that_does_nothing_good_is_refused(rename: dict[str, str], message: str, tmp_path: Path) -> None:
    network = cnn()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(UserError, match=f"^init_from{message}") as refusal:
        load_weights(network, saved(tmp_path / "w.pt", cnn(seed=1).state_dict()), rename=rename)
    assert "\n" not in str(refusal.value)
    assert same(network, before)


@pytest.mark.parametrize("around", [None, "state_dict", "model"])
def test_a_key_chooses_one_of_several_networks(
    around: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state, other = cnn(seed=1).state_dict(), cnn(seed=2).state_dict()
    networks = {"generator": state, "critic": prefixed(other, "network.")}
    file = saved(tmp_path / "gan.pt", {"epoch": 3, **({around: networks} if around else networks)})
    for key, expected in (("generator", state), ("critic", other)):
        network = cnn()
        with caplog.at_level(logging.INFO, logger="leyden"):
            load_weights(network, file, key=key)
        assert same(network, expected)
        assert caplog.messages[-1].endswith(f"gan.pt, {key}")
    with pytest.raises(UserError) as refusal:
        load_weights(cnn(), file)
    remedy = f"write 'init_from={{path: {file},key: generator}}'"
    assert str(refusal.value) == f"init_from={file}: has several state_dicts, generator, critic; {remedy}"
    with pytest.raises(UserError, match=r"^model\.weights=.*: has several state_dicts, .*; save one of them in a file"):
        load_weights(cnn(), file, setting="model.weights")
    with pytest.raises(UserError, match=r"^init_from=\S+: has no .* part generatr; did you mean generator\?$"):
        load_weights(cnn(), file, key="generatr")


@pytest.mark.parametrize("prefix", ["", "network."])
def test_a_key_chooses_a_part_of_the_only_state_dict(prefix: str, tmp_path: Path) -> None:
    state, other = cnn(seed=1).state_dict(), cnn(seed=2).state_dict()
    both = {**prefixed(state, f"{prefix}generator."), **prefixed(other, f"{prefix}critic.")}
    file = saved(tmp_path / "last.pt", {"state_dict": both, "model": {"channels": 3}})
    for key, expected in (("generator", state), ("critic", other)):
        network = cnn()
        load_weights(network, file, key=key)
        assert same(network, expected)
    with pytest.raises(UserError, match=r"has no state_dict or part critc; did you mean critic\?$"):
        load_weights(cnn(), file, key="critc")


def test_the_only_state_dict_needs_no_key_whatever_its_name(tmp_path: Path) -> None:
    state, network = cnn(seed=1).state_dict(), cnn()
    load_weights(network, saved(tmp_path / "w.pt", {"weights": state, "epoch": 3}))
    assert same(network, state)
    average = cnn(seed=2).state_dict()
    load_weights(network, saved(tmp_path / "w.pt", {"model": state, "model_ema": average}))
    assert same(network, state)
    load_weights(network, tmp_path / "w.pt", key="model_ema")
    assert same(network, average)


def test_weights_are_loaded_into_a_part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = cnn(seed=1).state_dict()
    network = nn.ModuleDict({"first": cnn(), "second": cnn(seed=5)})
    before = {name: value.clone() for name, value in network["second"].state_dict().items()}
    with caplog.at_level(logging.INFO, logger="leyden"):
        load_weights(network, saved(tmp_path / "w.pt", state), into="first")
    assert same(network["first"], state)
    assert same(network["second"], before)
    assert caplog.messages[-1].endswith("w.pt, into first")
    with pytest.raises(UserError, match=r"^init_from\.into=firs: the network has no .*; did you mean first\?$"):
        load_weights(network, tmp_path / "w.pt", into="firs")


def test_the_setting_of_a_config_is_a_path_or_a_mapping(tmp_path: Path) -> None:
    state = cnn(seed=1).state_dict()
    saved(tmp_path / "one.pt", state)
    saved(tmp_path / "two.pt", {"a": prefixed(state, "x."), "b": cnn(seed=2).state_dict()})
    both = {"path": str(tmp_path / "two.pt"), "key": "a", "rename": {r"^x\.": ""}}
    for init_from in (str(tmp_path / "one.pt"), both):
        network = cnn()
        load_initial(network, init_from)
        assert same(network, state)
