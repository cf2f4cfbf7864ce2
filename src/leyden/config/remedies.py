"""Wrong values as they were probably meant, and complete overrides with them."""

from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException

from leyden.config.aliases import FILES, SWITCHES
from leyden.config.fitting import fitting
from leyden.config.names import Names, Settings
from leyden.config.signature import Parameter, signature_of
from leyden.records.record import CHECKPOINTS
from leyden.system.override_text import as_text, in_shell, parsed, quoted_path, squeezed
from leyden.system.suggestions import nearest


def file_meant(names: Names, group: str, name: str) -> list[str]:
    """The overrides that choose what a wrong file name of a group probably means: the best first, at most two."""
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


def written(names: Names, meant: str, text: str | None, settings: Settings) -> str:
    """A setting, or a complete override, with the value that was typed for another name."""
    if meant in SWITCHES.values():
        return _contrary(meant) if text and text.lower() in ("false", "0", "no") else meant
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
        pass  # reported when it is tried
    return in_shell(f"{key}={text}")


def _with_part(word: str, names: Sequence[str]) -> list[str]:
    """Names of which a word is one part: `overfit` in overfit_batch."""
    parts = set(word.lower().replace("-", "_").split("_"))
    return [name for name in names if parts & set(name.split("_"))][:2] if len(word) > 2 else []


def _contrary(meant: str) -> str:
    """The override for `cuda=false` and the like."""
    group = meant.partition("=")[0]
    known = {
        "trainer=gpu": "trainer=cpu",
        "trainer=cpu": "trainer=gpu",
        "trainer.precision": "trainer.precision=32-true",
    }
    return known.get(meant) or known.get(group) or f"{group}={'none' if group in ('debug', 'logger') else 'default'}"


def _device(text: str | None) -> str | None:
    """The trainer that a device means."""
    word = (text or "").lower().partition(":")[0]
    return {"cuda": "trainer=gpu", "gpu": "trainer=gpu", "cpu": "trainer=cpu", "mps": "trainer=mps"}.get(
        word, "trainer=cpu" if word in ("0", "null", "none") else None
    )


def _of_file(name: str) -> str | None:
    """The data that a path leads to: a table, or a folder of images."""
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
