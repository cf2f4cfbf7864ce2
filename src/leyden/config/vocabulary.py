"""All names that a command may use, and the ones that a wrong name probably means."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from leyden.config.aliases import ALIASES, FILES, LEFT_OUT, OF_A_RUN, SECTIONS, SWITCHES
from leyden.config.near import nearest, there_are
from leyden.config.sections import settable
from leyden.config.signature import Parameter, find
from leyden.config.typed import as_text, fitting, in_shell, parsed, quoted_path, squeezed

Settings = Mapping[str, Parameter | None]

TAKE_LISTS = ("callbacks", "logger", "debug")  # of other groups one file is chosen
_SWITCHED = ("true", "false", "yes", "no", "1", "0")
_PLACES = ("optimizer", "trainer", "data", "model", "task", "scheduler", "sweep", "paths")  # where a name is looked for


class Vocabulary:
    """The names of a project's configs, for one command.

    Args:
        primary: the primary config, such as configs/train.yaml.

    Attributes:
        keys: groups and settings at the top; whether each is a group.
    """

    def __init__(self, primary: Path) -> None:
        self.primary, self.configs = primary, primary.parent
        self.keys = top_level_keys(primary)
        self._settings: dict[tuple[str, ...], dict[str, Parameter | None]] = {}

    def files(self, group: str) -> list[str]:
        """The files of a group, such as `model` or `hydra/launcher`."""
        return sorted(path.stem for path in (self.configs / group).glob("*.yaml"))

    def is_group(self, key: str) -> bool:
        """Whether a key chooses a file."""
        return self.keys.get(key, False) or ("/" in key and bool(self.files(key)))

    def settings(self, arguments: Sequence[str] = ()) -> dict[str, Parameter | None]:
        """The settings that there are with the files that a command chooses; with the default files if it is wrong."""
        choices = tuple(argument for argument in arguments if self._chooses(argument))
        if choices not in self._settings:
            config: Mapping[str, Any] = {}
            for tried in (choices, ()):
                try:
                    config = self._composed(tried)
                    break
                except Exception:  # whatever Hydra raises: this is about another mistake
                    continue
            self._settings[choices] = settable(config) | dict.fromkeys(self.keys)
        return self._settings[choices]

    def file(self, group: str, name: str) -> list[str]:
        """The overrides that choose what a wrong file name of a group probably means: the best first, at most two."""
        files = self.files(group)
        word = name.removesuffix(".yaml").rpartition("/")[2]
        if group == "data" and (own := _of_file(name)):
            return [own]
        if meant := FILES.get((group, squeezed(word))):
            return [meant] if "=" in meant else [f"{group}={meant}"] if meant in files else []
        if same := [file for file in files if squeezed(file) == squeezed(word)]:
            return [f"{group}={same[0]}"]
        classes = {squeezed(target.rpartition(".")[2]): file for file, target in reversed(self._targets(group).items())}
        for built in (squeezed(word.rpartition(".")[2]), squeezed(word) + "lr"):
            if built in classes:
                return [f"{group}={classes[built]}"]
        if group == "model" and (found := _network(word)):
            return [f"model=resnet model.name={found}"]
        return [f"{group}={file}" for file in nearest(word, files) or _with_part(word, files)]

    def instead(
        self, key: str, text: str | None, arguments: Sequence[str] = (), known: Settings | None = None
    ) -> list[str]:
        """The overrides that a wrong one probably means, as they are typed in a shell: at most two alternatives.

        Args:
            key: that there is not, such as `lr`, `trainer.gpus` or `model.lr`.
            text: its value, in Hydra's grammar; None where none was typed.
            arguments: of the command, which may choose other files than the default ones.
            known: the settings that there are, where they are known already.
        """
        settings = self.settings(arguments) if known is None else known
        found = [self.written(meant, text, settings) for meant in self._meant(key, settings, text, arguments)]
        return list(dict.fromkeys(found))[:2]

    def hint(self, key: str, text: str | None, arguments: Sequence[str] = (), known: Settings | None = None) -> str:
        """`; did you mean optimizer.lr=0.1?`, or a list of the names that there are."""
        settings = self.settings(arguments) if known is None else known
        section, _, last = key.rpartition(".")
        if (why := LEFT_OUT.get(squeezed(last))) and section in ("", "data", "model", "task"):
            return f"; {why}: leave it out"
        if found := self.instead(key, text, arguments, known):
            group = found[0].removesuffix("=…")
            of = f", with one of {', '.join(self.files(group))}" if self.is_group(group) else ""
            return f"; did you mean {' or '.join(found)}{of}?"
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        if elsewhere := self._elsewhere(ALIASES.get(squeezed(last), key), (), required=False):
            files = " and ".join(choice for choice, _ in elsewhere[:4])
            return f"; {elsewhere[0][1]} is for {files}{there_are(inside)}"
        return there_are(inside or self.keys)

    def _meant(self, key: str, settings: Settings, text: str | None, arguments: Sequence[str]) -> list[str]:
        """Settings, groups or complete overrides that a name may stand for, the likeliest first."""
        if same := [name for name in settings if squeezed(name) == squeezed(key)]:
            return same[:1]
        section, _, last = key.rpartition(".")
        if section and (moved := _moved(key)):
            return [moved] if moved in settings else self._meant(moved, settings, text, arguments)
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        if same := [name for name in inside if squeezed(name.rpartition(".")[2]) == squeezed(last)]:
            return same[:1]
        if last in ("name", "type", "_target_", "target") and self.keys.get(section) and self.file(section, text or ""):
            return [section]  # optimizer.name=adam
        elsewhere = [f"{choice} {name}" for choice, name in self._elsewhere(key, arguments)]
        if section and elsewhere:
            return elsewhere
        is_entry = section.partition(".")[0] in TAKE_LISTS and section not in self.keys
        if not is_entry and (found := self._called(last, bool(section), settings, text, arguments)):
            return found
        if elsewhere:
            return elsewhere
        if section:
            return nearest(key, inside)
        if key == "name":
            return []  # of many things
        if tops := nearest(key, self.keys):
            return tops
        names = {name.rpartition(".")[2]: name for name in settings if name.partition(".")[0] in _PLACES}
        return [names[name] for name in nearest(key, names)][:1]

    def _called(
        self, name: str, in_section: bool, settings: Settings, text: str | None, arguments: Sequence[str]
    ) -> list[str]:
        """What a name without its section stands for, here or elsewhere."""
        word, is_switch = squeezed(name), text is None or text.lower() in _SWITCHED
        of_a_run = OF_A_RUN.get(word)
        if of_a_run in self.keys and not in_section:
            return [of_a_run]
        complete = SWITCHES.get(word)
        if complete and is_switch:
            return [complete]
        if in_section and (tops := [key for key in self.keys if squeezed(key) == word]):
            return tops  # trainer.seed=1
        if found := _by_last_part(name, settings):
            return found
        meant = ALIASES.get(word)
        if meant and (meant in settings or meant in self.keys):
            return [meant]
        if meant and (found := [f"{choice} {setting}" for choice, setting in self._elsewhere(meant, arguments)]):
            return found
        return [complete] if complete else []

    def _elsewhere(self, key: str, arguments: Sequence[str], required: bool = True) -> list[tuple[str, str]]:
        """Files that are not chosen, and the name of the setting with them; none of groups that the command chooses.

        Args:
            key: of the setting, or the last part of it.
            arguments: of the command.
            required: of data, only those that cannot be used without the setting: nobody changes the data for another.
        """
        chosen = {argument.partition("=")[0].lstrip("+") for argument in arguments}
        section, _, last = key.rpartition(".")
        group = section.partition(".")[0]
        found: dict[str, list[tuple[str, str]]] = {"stated": [], "not": []}
        if key == "name":
            return []
        for name, file, settings, stated in self._files:
            if name in chosen or (group and name != group):
                continue
            if name in TAKE_LISTS and section:
                names = [setting for setting in settings if setting == key]
            else:
                depth = 2 if name in TAKE_LISTS else 1
                names = [one for one in settings if one.rpartition(".")[2] == last and one.count(".") == depth]
            if name == "data" and required:
                names = [one for one in names if stated.get(one) == "???"]
            if name in TAKE_LISTS and not section:
                names = [one for one in names if one in stated]  # Lightning's callbacks have many arguments
            for one in names[:1]:
                found["stated" if one in stated else "not"].append((f"{name}={file}", one))
        if not required:
            return found["stated"] + found["not"]
        return found["stated"] or (found["not"] if section else [])

    def written(self, meant: str, text: str | None, settings: Settings) -> str:
        """A setting, or a complete override, with the value that was typed for another name."""
        if meant in SWITCHES.values():
            return _contrary(meant) if text and text.lower() in ("false", "0", "no") else meant
        if " " in meant:
            choice, name = meant.split()
            parameter = next((p[name] for group, file, p, _ in self._files if f"{group}={file}" == choice), None)
            return f"{choice} {_setting(name, text, parameter)}"
        if meant in ("trainer.devices", "trainer.accelerator") and (device := _device(text)):
            return device
        if self.is_group(meant):
            if text is None or text in self.files(meant):
                return f"{meant}={text or '…'}"
            if text.lower() in ("false", "null", "none", "[]"):
                empty = [name for name in ("none", "default") if name in self.files(meant)]
                return f"{meant}={empty[0] if empty else '…'}"
            chosen = self.file(meant, text)
            return chosen[0] if chosen else f"{meant}=…"
        return _setting(meant, text, settings.get(meant))

    @cached_property
    def _files(self) -> list[tuple[str, str, dict[str, Parameter | None], dict[str, Any]]]:
        """Group, file, settings, and values that are stated, of each file that a group has."""
        found = []
        for group in (key for key, is_group in self.keys.items() if is_group and key not in ("experiment", "debug")):
            for file in self.files(group):
                found.append(
                    (group, file, settable(self._read(group, file)), _leaves(self._read(group, file, alone=True)))
                )
        return sorted(found, key=lambda entry: _PLACES.index(entry[0]) if entry[0] in _PLACES else len(_PLACES))

    def _read(self, group: str, file: str, alone: bool = False) -> dict[str, Any]:
        """What a file of a group states; with those that it extends, unless alone."""
        path = self.configs / group / f"{file}.yaml"
        try:
            text = path.read_text(encoding="utf-8")
            content: dict[str, Any] = yaml.safe_load(text) or {}
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        below = [entry for entry in content.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
        inside = content if text.startswith("# @package _global_") else {group: content}
        for other in [] if alone else below:
            base = self._read(group, other)
            inside = {**base, **inside, group: {**(base.get(group) or {}), **(inside.get(group) or {})}}
        return inside

    def _targets(self, group: str) -> dict[str, str]:
        """The class that each file of a group builds; in a group of several entries, of its first own entry."""
        found = {}
        for file in self.files(group):
            section = self._read(group, file).get(group) or {}
            if group in TAKE_LISTS:
                text = (self.configs / group / f"{file}.yaml").read_text(encoding="utf-8")
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
    """The groups and settings that a primary config, and those that it extends, name; whether each is a group."""
    content: dict[str, Any] = yaml.safe_load(primary.read_text(encoding="utf-8"))
    groups = (next(iter(entry)) for entry in content["defaults"] if isinstance(entry, dict))
    extended = (entry for entry in content["defaults"] if isinstance(entry, str) and entry != "_self_")
    keys = dict.fromkeys(set(content) - {"defaults"}, False)
    keys |= {group.removeprefix("optional "): True for group in groups}
    for name in extended:
        keys |= top_level_keys(primary.with_name(f"{name}.yaml"))
    return keys


def _setting(key: str, text: str | None, parameter: Parameter | None) -> str:
    """`key=value` for a shell, with the value in the type that the setting takes."""
    if text is None:
        return f"{key}=…"
    try:
        value = parsed(quoted_path(f"{key}={text}").partition("=")[2])
        if parameter and not parameter.accepts(value):
            text = as_text(fitting(parameter, value, text))
    except Exception:  # a sweep, or what cannot be read or set: told when it is tried
        pass
    return in_shell(f"{key}={text}")


def _leaves(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The values of a config by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{path}.{key}" if path else str(key)
        found |= _leaves(value, name) if isinstance(value, Mapping) else {name: value}
    return found


def _moved(key: str) -> str | None:
    """A name whose section is called otherwise here."""
    parts = key.split(".")
    for many in (2, 1):
        if new := SECTIONS.get(squeezed(".".join(parts[:many]))):
            return ".".join([new, *parts[many:]])
    return None


def _by_last_part(last: str, settings: Settings) -> list[str]:
    """The setting of some section whose own name is this."""
    found = [name for name in settings if name.count(".") == 1 and squeezed(name.rpartition(".")[2]) == squeezed(last)]
    places = {place: number for number, place in enumerate(_PLACES) if place != "sweep" or last != "name"}
    found = [name for name in found if name.partition(".")[0] in places]
    return sorted(found, key=lambda name: places[name.partition(".")[0]])[:1]


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
    return name if name.isidentifier() and find(f"torchvision.models.{name}") else None
