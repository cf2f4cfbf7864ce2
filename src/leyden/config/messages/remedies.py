"""Remedies: the values that wrong ones probably mean, and complete overrides with them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import HydraException

from leyden.config.messages.aliases import FILES, SWITCHES
from leyden.config.names import Names, Settings
from leyden.config.signature import Parameter, signature_of
from leyden.records.record import CHECKPOINTS
from leyden.system.override_text import as_text, in_shell, parsed, quoted_path, read_as, squeezed
from leyden.system.suggestions import nearest

_TRUE, _FALSE, _NONE = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null", "~")


def file_meant(names: Names, group: str, name: str) -> list[str]:
    """The overrides that choose what a wrong file name of a group probably means, the best first, at most two."""
    files = names.files(group)
    word = name.removesuffix(".yaml").rpartition("/")[2]
    if group == "data" and (own := _of_file(name)):
        return [own]
    if meant := FILES.get((group, squeezed(word))):
        return [meant] if "=" in meant else [f"{group}={meant}"] if meant in files else []
    if same := [file for file in files if squeezed(file) == squeezed(word)]:
        return [f"{group}={same[0]}"]
    classes = {squeezed(target.rpartition(".")[2]): file for file, target in reversed(names.targets(group).items())}
    for built in (squeezed(word.rpartition(".")[2]), squeezed(word) + "lr"):
        if built in classes:
            return [f"{group}={classes[built]}"]
    if group == "model" and (found := _network(word)):
        return [f"model=resnet model.name={found}"]
    return [f"{group}={file}" for file in nearest(word, files) or _with_part(word, files)]


def override_for(names: Names, meant: str, text: str | None, settings: Settings) -> str:
    """A setting, or a complete override, with the value that was typed for another name."""
    if meant in SWITCHES.values():
        return _opposite(meant) if text and text.lower() in ("false", "0", "no") else meant
    if " " in meant:
        choice, name = meant.split()
        parameter = next((f.settings[name] for f in names.all_files if f"{f.group}={f.name}" == choice), None)
        return f"{choice} {_setting(name, text, parameter)}"
    if meant in ("trainer.devices", "trainer.accelerator") and (device := _device(text)):
        return device
    if names.is_group(meant):
        if text is None or text in names.files(meant):
            return f"{meant}={text or '…'}"
        if text.lower() in ("false", "null", "none", "[]"):
            empty = [file for file in ("none", "default") if file in names.files(meant)]
            return f"{meant}={empty[0] if empty else '…'}"
        chosen = file_meant(names, meant, text)
        return chosen[0] if chosen else f"{meant}=…"
    return _setting(meant, text, settings.get(meant))


def _setting(key: str, text: str | None, parameter: Parameter | None) -> str:
    """`key=value` for a shell, with the value in the type that the setting takes."""
    if text is None:
        return f"{key}=…"
    if key == "resume" and text.endswith(".ckpt"):  # a run is resumed; weights alone begin another
        folder = Path(text).parent
        return in_shell(f"resume={folder.parent}" if folder.name == CHECKPOINTS else f"init_from={text}")
    try:
        value = parsed(quoted_path(f"{key}={text}").partition("=")[2])
        if parameter and not parameter.accepts(value):
            text = as_text(fitting(parameter, value, text))
    except (HydraException, LookupError):
        pass  # reported when the remedy is typed
    return in_shell(f"{key}={text}")


def _with_part(word: str, names: Sequence[str]) -> list[str]:
    """Names that contain a word as one part: `overfit` in overfit_batch."""
    parts = set(word.lower().replace("-", "_").split("_"))
    return [name for name in names if parts & set(name.split("_"))][:2] if len(word) > 2 else []


def _opposite(meant: str) -> str:
    """The override for `cuda=false` and the like."""
    group = meant.partition("=")[0]
    known = {
        "trainer=gpu": "trainer=cpu",
        "trainer=cpu": "trainer=gpu",
        "trainer.precision": "trainer.precision=32-true",
    }
    return known.get(meant) or known.get(group) or f"{group}={'none' if group in ('debug', 'logger') else 'default'}"


def _device(text: str | None) -> str | None:
    """The trainer for a device."""
    file = {"cuda": "gpu", "gpu": "gpu", "mps": "mps"} | dict.fromkeys(("cpu", "0", "null", "none"), "cpu")
    name = file.get((text or "").lower().partition(":")[0])
    return f"trainer={name}" if name else None


def _of_file(name: str) -> str | None:
    """The override for data at a path: a table, or a folder of images."""
    path = Path(name).expanduser()
    if path.suffix.lower() in (".csv", ".tsv"):
        return f"data=csv {in_shell(f'data.path={name}')}"
    if "/" in name and path.is_dir():
        return f"data=image_folder {in_shell(f'data.root={name}')}"
    return None


def _network(word: str) -> str | None:
    """A network of torchvision by the name of the function that builds it; nothing is imported."""
    name = word.lower()
    return name if name.isidentifier() and signature_of(f"torchvision.models.{name}") else None


def fitting(parameter: Parameter, value: Any, text: str | None = None) -> Any:
    """The value of another type that was probably meant: 32 for 32.0, "2010" for 2010, [10] for 10.

    Args:
        parameter: of the setting.
        value: that it does not accept.
        text: the value as it was typed, if that is known: 1e5 may be the name of a column.

    Raises:
        LookupError: nothing similar is accepted.
    """
    word = str(value).strip().lower()
    candidates: list[Any] = []
    if isinstance(value, float) and value.is_integer():
        candidates.append(int(value))
    if word in _NONE and isinstance(value, str):
        candidates.append(None)
    if isinstance(value, int | str) and not isinstance(value, bool):
        candidates += [True] if word in _TRUE else [False] if word in _FALSE else []
    if value is None and text:
        candidates.append(text)
    if isinstance(value, int | float):  # bool too
        candidates.append(text if text is not None else as_text(value))
    if isinstance(value, list):
        candidates += value if len(value) == 1 else []
        candidates.append([int(v) if isinstance(v, float) and v.is_integer() else v for v in value])
        candidates.append(_words(value, text))
        parts = [_numbers(v) if isinstance(v, str) else [v] for v in value]
        candidates += [[number for part in parts for number in part]] if all(parts) else []
    elif not isinstance(value, Mapping) and value is not None:
        candidates += [[candidate] for candidate in (value, *candidates)]
        candidates.append(_numbers(str(value)))
    if isinstance(value, str):
        names = (squeezed(value), squeezed(value.rpartition(".")[2]))
        candidates += [choice for name in names for choice in parameter.choices if squeezed(choice) == name]
    for candidate in candidates:
        if candidate != [] and parameter.accepts(candidate):
            return candidate
    raise LookupError(value)


def _words(values: list[Any], text: str | None) -> list[str]:
    """The entries of a list as texts, as they were typed if that is known."""
    parts = [part.strip().strip("'\"") for part in (text or "").strip("[]").split(",")]
    same = len(parts) == len(values)
    return [v if isinstance(v, str) else parts[n] if same else as_text(v) for n, v in enumerate(values)]


def _numbers(text: str) -> list[Any]:
    """`10 20` or `(10,20)` as a list of numbers."""
    parts = re.split(r"[\s,;x×]+", text.strip("()[] "))
    return [read_as(part) for part in parts] if all(re.fullmatch(r"[-+.\deE]+", part) for part in parts) else []
