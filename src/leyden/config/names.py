"""Names that a command may use: groups, their files, and the settings of the classes that these build."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

import leyden.hydra_configs
from leyden.config.sections import settable
from leyden.config.signature import Parameter

Settings = Mapping[str, Parameter | None]

ENGINE_CONFIGS = Path(leyden.hydra_configs.__file__).parent

TAKE_LISTS = ("callbacks", "logger", "debug")  # of other groups one file is chosen
# Sections in which a name is looked for, in this order.
PLACES = ("optimizer", "trainer", "data", "model", "task", "scheduler", "sweep", "paths")


class File(NamedTuple):
    """A file of a group: all settings of what it builds, and the values that it states itself."""

    group: str
    name: str
    settings: Settings
    stated: Mapping[str, Any]


class Names:
    """The names of a project's configs, for one command.

    Args:
        primary: the primary config, such as configs/train.yaml.

    Attributes:
        keys: groups and settings at the top level; True for a group.
    """

    def __init__(self, primary: Path) -> None:
        self.primary, self.configs = primary, primary.parent
        self.folders = (self.configs, ENGINE_CONFIGS)
        self.keys = top_level_keys(primary)
        self._settings: dict[tuple[str, ...], dict[str, Parameter | None]] = {}

    def files(self, group: str) -> list[str]:
        """The files of a group, such as `model` or `hydra/launcher`."""
        return sorted({path.stem for folder in self.folders for path in (folder / group).glob("*.yaml")})

    def path(self, group: str, file: str) -> Path:
        """The file of a group: the project's own, or else the engine's."""
        paths = [folder / group / f"{file}.yaml" for folder in self.folders]
        return next((path for path in paths if path.is_file()), paths[0])

    def is_group(self, key: str) -> bool:
        """True if a key chooses a file."""
        return self.keys.get(key, False) or ("/" in key and bool(self.files(key)))

    def settings(self, arguments: Sequence[str] = ()) -> dict[str, Parameter | None]:
        """All settings with the files that a command chooses; with the default files if it cannot be composed."""
        choices = tuple(argument for argument in arguments if self._chooses(argument))
        if choices not in self._settings:
            config: Mapping[str, Any] = {}
            for tried in (choices, ()):
                try:
                    config = self._composed(tried)
                    break
                except Exception:  # Hydra raises many kinds; another mistake is being reported
                    continue
            self._settings[choices] = settable(config) | dict.fromkeys(self.keys)
        return self._settings[choices]

    @cached_property
    def all_files(self) -> list[File]:
        """The files of all groups but those that set several sections at once."""
        found = []
        for group in (key for key, is_group in self.keys.items() if is_group and key not in ("experiment", "debug")):
            for file in self.files(group):
                found.append(File(group, file, settable(self._read(group, file)), self.stated(group, file)))
        return sorted(found, key=lambda file: PLACES.index(file.group) if file.group in PLACES else len(PLACES))

    def stated(self, group: str, file: str) -> dict[str, Any]:
        """The values that a file of a group states itself, by their dotted names."""
        return _leaves(self._read(group, file, alone=True))

    def _read(self, group: str, file: str, alone: bool = False) -> dict[str, Any]:
        """The content of a file of a group; with those that it extends, unless `alone`."""
        try:
            text = self.path(group, file).read_text(encoding="utf-8")
            content: dict[str, Any] = yaml.safe_load(text) or {}
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        below = [entry for entry in content.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
        inside = content if text.startswith("# @package _global_") else {group: content}
        for other in [] if alone else below:
            base = self._read(group, other)
            inside = {**base, **inside, group: {**(base.get(group) or {}), **(inside.get(group) or {})}}
        return inside

    def targets(self, group: str) -> dict[str, str]:
        """The class that each file of a group builds; in a group of several entries, of its first own entry."""
        found = {}
        for file in self.files(group):
            section = self._read(group, file).get(group) or {}
            if group in TAKE_LISTS:
                text = self.path(group, file).read_text(encoding="utf-8")
                section = next((section[name] for name in yaml.safe_load(text) or {} if name in section), {}) or {}
            if "_target_" in section:
                found[file] = str(section["_target_"])
        return found

    def _chooses(self, argument: str) -> bool:
        group, _, name = argument.lstrip("+").partition("=")
        names = name.strip("[]").split(",")
        return self.keys.get(group, False) and all(one in self.files(group) for one in names)

    def _composed(self, choices: Sequence[str]) -> dict[str, Any]:
        if GlobalHydra.instance().is_initialized():
            cfg = hydra.compose(self.primary.stem, list(choices))
        else:
            with hydra.initialize_config_dir(str(self.configs.resolve()), version_base="1.3"):
                cfg = hydra.compose(self.primary.stem, list(choices))
        return OmegaConf.to_container(cfg, resolve=False)  # type: ignore[return-value]


def own_keys(primary: Path) -> list[str]:
    """The settings that a primary config states itself, without those that it extends."""
    content: dict[str, Any] = yaml.safe_load(primary.read_text(encoding="utf-8"))
    return [key for key in content if key != "defaults"]


def top_level_keys(primary: Path) -> dict[str, bool]:
    """The groups and settings that a primary config, and those that it extends, name; True for a group."""
    content: dict[str, Any] = yaml.safe_load(primary.read_text(encoding="utf-8"))
    groups = (next(iter(entry)) for entry in content["defaults"] if isinstance(entry, dict))
    extended = (entry for entry in content["defaults"] if isinstance(entry, str) and entry != "_self_")
    keys = dict.fromkeys(set(content) - {"defaults"}, False)
    keys |= {group.rpartition(" ")[2]: True for group in groups}  # optional local, override hydra/launcher
    for name in extended:
        keys |= top_level_keys(primary.with_name(f"{name}.yaml"))
    return keys


def _leaves(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The values of a config by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{path}.{key}" if path else str(key)
        found |= _leaves(value, name) if isinstance(value, Mapping) else {name: value}
    return found
