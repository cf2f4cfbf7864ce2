"""The state_dicts in what torch.load reads: one, those of a checkpoint, or one for each of several networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from leyden.system.errors import UserError
from leyden.system.override_text import as_text, in_shell
from leyden.system.suggestions import did_you_mean

# Lightning's checkpoints; those of torchvision's training scripts, which may hold an average beside it.
_OF_CHECKPOINTS = ("state_dict", "model")


def chosen_state(content: Any, key: str | None, setting: str, path: str | Path) -> dict[str, Tensor]:
    """Tensors of one state_dict by name; none if there are no tensors.

    Args:
        content: of a file.
        key: of the state_dict among several, or the first part of the names in the only one, as in `generator.weight`.
        setting: name of the setting, for messages.
        path: of the file.

    Raises:
        UserError: there are several and no key, or none of this key.
    """
    several = _several(content)
    while key is None or key not in several:
        usual = next((name for name in _OF_CHECKPOINTS if name in several), None)
        if usual is None:
            break
        content = content[usual]
        several = _several(content)
    state = _tensors(content)
    if key is not None and key in several:
        return _tensors(content[key])
    if key is not None:
        return _of_part(state, key, several, f"{setting}={path}")
    if state or not several:
        return state
    if len(several) == 1:
        return _tensors(content[several[0]])
    remedy = in_shell(f"init_from={as_text({'path': str(path), 'key': several[0]})}")
    remedy = f"write {remedy}" if setting == "init_from" else "save one of them in a file of its own"
    raise UserError(f"{setting}={path}: has several state_dicts, {', '.join(several)}; {remedy}")


def _of_part(state: Mapping[str, Tensor], key: str, several: list[str], setting: str) -> dict[str, Tensor]:
    prefixes = (f"{key}.", f"network.{key}.")  # as it is, and in a checkpoint of train.py
    for prefix in prefixes:
        if found := {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}:
            return found
    parts = dict.fromkeys(name.removeprefix("network.").partition(".")[0] for name in state if "." in name)
    raise UserError(f"{setting}: has no state_dict or part {key}{did_you_mean(key, [*several, *parts])}")


def _several(content: Any) -> list[str]:
    """Keys of the state_dicts in a mapping, at any depth of a checkpoint's own keys."""
    items = content.items() if isinstance(content, Mapping) else ()
    return [name for name, value in items if isinstance(name, str) and (_tensors(value) or _is_nested(name, value))]


def _is_nested(name: str, value: Any) -> bool:
    """True for the state_dicts of several networks under the key of one."""
    return name in _OF_CHECKPOINTS and isinstance(value, Mapping) and any(_tensors(inner) for inner in value.values())


def _tensors(value: Any) -> dict[str, Tensor]:
    items = value.items() if isinstance(value, Mapping) else ()
    return {name: tensor for name, tensor in items if isinstance(name, str) and isinstance(tensor, Tensor)}
