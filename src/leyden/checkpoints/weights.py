"""Weights from a file for a network that may differ from the saved one: what fits is loaded, the rest is reported."""

import logging
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from leyden.checkpoints.files import newest_whole, verify
from leyden.checkpoints.state_dicts import chosen_state
from leyden.config.initial_weights import initial_weights
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadReport:
    """Names of the tensors that were loaded, and of those that were not.

    Attributes:
        matched: loaded.
        missing: the network has it, the file does not.
        unexpected: the file has it, the network does not; the names are those of the file, without its prefix.
        renamed: number of tensors of the file with another name after `rename`.
        wrong_shape: both have it, and it does not fit; or it does, and another tensor of the same layer does not: a
            layer is loaded as a whole. The head of a network for other classes is found here.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    renamed: int = 0


def load_initial(network: nn.Module, init_from: str | Mapping[str, Any]) -> LoadReport:
    """Load the weights that `init_from` names; see `load_weights`."""
    return load_weights(network, **(initial_weights(init_from) or {}))


def load_weights(
    network: nn.Module,
    path: str | Path,
    setting: str = "init_from",
    leave_out: str | None = None,
    *,
    key: str | None = None,
    rename: Mapping[str, str] | None = None,
    into: str | None = None,
) -> LoadReport:
    """Load every tensor of a file that fits the network by name and shape, and log how many did.

    Prefixes that only one side has, such as `network.` in a checkpoint or `module.` of a wrapper, do not count. A
    network that knows more of foreign files may have a method `translate(state) -> state`, from tensors under names
    like its own to the tensors that it takes.

    Args:
        network: whose tensors are overwritten.
        path: a state_dict, or a checkpoint that holds one.
        setting: name of the path, for messages.
        leave_out: prefix of the network's tensors that stay as they are.
        key: name of the state_dict in a file with several, or of a part of one: `generator` is all of `generator.…`.
        rename: regular expressions for names in the file, and what replaces a match; in this order.
        into: part of the network that is loaded, by its name, such as `backbone`.

    Raises:
        UserError: the file cannot be read, or nothing in it fits; it has several state_dicts, or none of this name; a
            pattern matches nothing; or the network has no such part.
    """
    if into is not None:
        network = _part(network, into, setting)
    own = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
    state, renamed = _renamed(read_weights(path, setting, key), rename or {}, path, setting)
    state = _aligned(state, own)
    if translate := getattr(network, "translate", None):
        state = translate(state)
    own = {name: value for name, value in own.items() if leave_out is None or not name.startswith(leave_out)}
    unfit = {_layer(name) for name in state.keys() & own.keys() if state[name].shape != own[name].shape}
    matched = [name for name in own if name in state and _layer(name) not in unfit]
    report = LoadReport(
        tuple(matched),
        tuple(name for name in own if name not in state and not name.endswith("num_batches_tracked")),  # old files
        tuple(name for name in state if name not in own),
        tuple(name for name in own if name in state and _layer(name) in unfit),
        renamed,
    )
    if not matched:
        theirs, ours = _few(state), _few(own)
        raise UserError(f"{setting}={path}: nothing in it fits this network; it has {theirs}, the network {ours}")
    network.load_state_dict({name: state[name] for name in matched}, strict=False)
    more = {f", {key}": key, f", {renamed} renamed": renamed, f", into {into}": into}
    said = "".join(text for text, value in more.items() if value)
    log.info("weights: %d of %d tensors from %s%s", len(matched), len(own), path, said)
    rest = {"of another shape": report.wrong_shape, "not in it": report.missing, "not used": report.unexpected}
    if any(rest.values()):
        log.info("weights: %s", "; ".join(f"{what}: {_few(names)}" for what, names in rest.items() if names))
    return report


def read_weights(path: str | Path, setting: str = "init_from", key: str | None = None) -> dict[str, Tensor]:
    """Tensors of a state_dict file or of a checkpoint, by name, on the CPU. Only tensors are unpickled.

    Raises:
        UserError: there is no such file, or it is no file of tensors; it has several state_dicts, or none that `key`
            names.
    """
    file = Path(path).expanduser()
    if file.suffix == ".ckpt":  # a run also keeps the one before
        file = newest_whole(file, setting) or file
    if not file.is_file():
        raise UserError(f"{setting}={path}: there is no such file")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, MemoryError) as error:
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(file):
            what = "holds Python objects, which may run any code when they are read; save model.state_dict() alone"
        else:
            what = "cannot be read; is it whole, and written by torch.save?"
        raise UserError(f"{setting}={path}: {what}") from error
    if zipfile.is_zipfile(file) and (fault := verify(file)):  # torch reads over a damaged number
        raise UserError(f"{setting}={path}: is {fault}; give another one")
    state = chosen_state(content, key, setting, path)
    if not state:
        raise UserError(f"{setting}={path}: holds no tensors by name; save model.state_dict()")
    return state


def _part(network: nn.Module, name: str, setting: str) -> nn.Module:
    parts = {part: module for part, module in network.named_modules() if part and [*module.parameters()]}
    if name not in parts:
        near = did_you_mean(name, [part for part in parts if part.count(".") < 2])
        raise UserError(f"{setting}.into={name}: the network has no such part with weights{near}")
    found: nn.Module = parts[name]
    return found


def _renamed(
    state: Mapping[str, Tensor], rename: Mapping[str, str], path: str | Path, setting: str
) -> tuple[dict[str, Tensor], int]:
    """Tensors under their new names, and how many have one."""
    names = list(state)
    for pattern, text in rename.items():
        try:
            new = [re.sub(pattern, text, name) for name in names]
        except (re.error, IndexError) as error:
            raise UserError(f"{setting}.rename: {pattern} cannot be replaced by {text} ({error})") from error
        if not any(re.search(pattern, name) for name in names):
            raise UserError(f"{setting}.rename: {pattern} matches nothing in {path}; it has {_few(names)}")
        names = new
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{setting}.rename: gives several tensors of {path} the name {twice[0]}")
    renamed = sum(name != new for name, new in zip(state, names, strict=True))
    return dict(zip(names, state.values(), strict=True)), renamed


def _aligned(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a file under the names of a network: with the prefixes removed and added with which most of them fit.

    Of equals, the shortest: names that fit without a change stay.
    """
    best: dict[str, Tensor] = {}
    most = -1
    for off in _prefixes(state):
        inner = {name.removeprefix(off): value for name, value in state.items() if name.startswith(off)}
        for on in _prefixes(own):
            named = {on + name: value for name, value in inner.items()}
            fitting = sum(name in own and own[name].shape == value.shape for name, value in named.items())
            if fitting > most:
                best, most = named, fitting
    return best


def _prefixes(names: Iterable[str]) -> list[str]:
    """Prefixes that most names share, the empty one first; that of a single layer does not count."""
    names = list(names)
    found = [""]
    most = Counter(name.partition(".")[0] for name in names).most_common(1)
    parts = next((name.split(".") for name in names if name.partition(".")[0] == most[0][0]), [])
    for part in parts[:-1]:
        prefix = f"{found[-1]}{part}."
        if 2 * sum(name.startswith(prefix) for name in names) <= len(names):
            break
        found.append(prefix)
    return found


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _few(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
