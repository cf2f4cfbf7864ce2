"""All names that a command may use, and the ones that a wrong name probably means."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from leyden.config.aliases import ALIASES, FILES, OF_A_RUN, SECTIONS
from leyden.config.near import nearest, there_are
from leyden.config.sections import settable
from leyden.config.signature import Parameter, find
from leyden.config.typed import as_text, fitting, in_shell, parsed, quoted_path, squeezed

TAKE_LISTS = ("callbacks", "logger", "debug")  # of other groups one file is chosen
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
        """The settings that there are with the files that a command chooses; those of the defaults if it chooses wrongly."""
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
            return [f"{group}={meant}"] if meant in files else []
        if same := [file for file in files if squeezed(file) == squeezed(word)]:
            return [f"{group}={same[0]}"]
        classes = {squeezed(target.rpartition(".")[2]): file for file, target in reversed(self._targets(group).items())}
        for built in (squeezed(word.rpartition(".")[2]), squeezed(word) + "lr"):
            if built in classes:
                return [f"{group}={classes[built]}"]
        if group == "model" and (found := _network(word)):
            return [f"model=resnet model.name={found}"]
        return [f"{group}={file}" for file in nearest(word, files) or _with_part(word, files)]

    def instead(self, key: str, text: str | None, arguments: Sequence[str] = (), known: Any = None) -> list[str]:
        """The overrides that a wrong one probably means, as they are typed in a shell: at most two alternatives.

        Args:
            key: that there is not, such as `lr`, `trainer.gpus` or `model.lr`.
            text: its value, in Hydra's grammar; None where none was typed.
            arguments: of the command, of which other files than the default ones may be chosen.
            known: the settings that there are, where they are known already.
        """
        settings: Mapping[str, Parameter | None] = self.settings(arguments) if known is None else known
        found = [self.written(meant, text, settings) for meant in self._meant(key, settings, arguments)]
        return list(dict.fromkeys(found))[:2]

    def hint(self, key: str, text: str | None, arguments: Sequence[str] = (), known: Any = None) -> str:
        """`; did you mean optimizer.lr=0.1?`, or a list of the names that there are."""
        if found := self.instead(key, text, arguments, known):
            return f"; did you mean {' or '.join(found)}?"
        settings = self.settings(arguments) if known is None else known
        section = key.rpartition(".")[0]
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        elsewhere = self._elsewhere(key, ())
        if elsewhere and inside:
            return f"; {' and '.join(choice for choice, _ in elsewhere[:2])} have it; with this one{there_are(inside)}"
        return there_are(inside or self.keys)

    def _meant(self, key: str, settings: Mapping[str, Any], arguments: Sequence[str]) -> list[str]:
        """Settings, groups or complete overrides that a name may stand for, the likeliest first."""
        if same := [name for name in settings if squeezed(name) == squeezed(key)]:
            return same[:1]
        section, _, last = key.rpartition(".")
        if section and (moved := _moved(key)) and moved in settings:
            return [moved]
        inside = [name for name in settings if section and name.rpartition(".")[0] == section]
        if same := [name for name in inside if squeezed(name.rpartition(".")[2]) == squeezed(last)]:
            return same[:1]
        if last in ("name", "type", "_target_", "target") and self.keys.get(section):
            return [section]  # optimizer.name=adam
        if section.split(".")[0] not in ("callbacks", "logger") or section in self.keys:
            of_a_run = OF_A_RUN.get(squeezed(last)) if not section else None
            meant = of_a_run if of_a_run in self.keys else ALIASES.get(squeezed(last))
            if meant and ("=" in meant or meant in settings or meant in self.keys):
                return [meant.format(name=last)]
            if meant and (found := self._elsewhere(meant, arguments)):
                return [f"{choice} {name}" for choice, name in found]
            if found := _by_last_part(last, settings):
                return found
        if found := self._elsewhere(key, arguments):
            return [f"{choice} {name}" for choice, name in found]
        if section:
            return nearest(key, inside)
        tops = nearest(key, self.keys)
        if tops or key in self.keys:
            return tops
        names = {name.rpartition(".")[2]: name for name in reversed(settings) if name.partition(".")[0] in _PLACES}
        return [names[name] for name in nearest(key, names)][:1]

    def _elsewhere(self, key: str, arguments: Sequence[str]) -> list[tuple[str, str]]:
        """Files that are not chosen, and the name of the setting with them; none of groups chosen by the command."""
        chosen = {argument.partition("=")[0].lstrip("+") for argument in arguments}
        section, _, last = key.rpartition(".")
        group = section.split(".")[0]
        if group and not self.keys.get(group):
            return []
        found = []
        for name, file, settings in self._stated:
            if name in chosen or (group and name != group):
                continue
            names = [s for s in settings if squeezed(s) == squeezed(key)] if section else []
            names = names or [
                s for s in settings if s.rpartition(".")[2] == last and s.count(".") == 1 + (name in TAKE_LISTS)
            ]
            if group and group in TAKE_LISTS:
                names = [s for s in names if s == key]
            found += [(f"{name}={file}", s) for s in names[:1]]
        return found

    def written(self, meant: str, text: str | None, settings: Mapping[str, Parameter | None]) -> str:
        """An override, or several, with the value that was typed for another name."""
        if "=" in meant and " " not in meant:
            return _contrary(meant) if text and text.lower() in ("false", "0", "no") else meant
        if " " in meant and not meant.endswith("DEFAULT"):
            first, name = meant.split()
            parameter = next((p[name] for g, f, p in self._stated if f"{g}={f}" == first and name in p), None)
            return f"{first} {_setting(name, text, parameter)}"
        if "=" in meant:
            return meant
        if meant in ("trainer.devices", "trainer.accelerator") and (device := _device(text)):
            return device
        if self.is_group(meant):
            if text is None or text in self.files(meant):
                return f"{meant}={text or '…'}"
            chosen = self.file(meant, text)
            return chosen[0] if chosen else f"{meant}=…"
        return _setting(meant, text, settings.get(meant))

    @cached_property
    def _stated(self) -> list[tuple[str, str, dict[str, Parameter | None]]]:
        """Group, file and settings of each file that a group has."""
        found = []
        for group in (key for key, is_group in self.keys.items() if is_group and key not in ("experiment", "debug")):
            for file in self.files(group):
                found.append((group, file, settable(self._read(group, file))))
        return sorted(found, key=lambda entry: _PLACES.index(entry[0]) if entry[0] in _PLACES else len(_PLACES))

    def _read(self, group: str, file: str) -> dict[str, Any]:
        """What a file of a group, with those that it extends, states."""
        path = self.configs / group / f"{file}.yaml"
        try:
            text = path.read_text(encoding="utf-8")
            content: dict[str, Any] = yaml.safe_load(text) or {}
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        below = [entry for entry in content.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
        inside = content if text.startswith("# @package _global_") else {group: content}
        for other in below:
            base = self._read(group, other)
            inside = {**base, **inside, group: {**(base.get(group) or {}), **(inside.get(group) or {})}}
        return inside

    def _targets(self, group: str) -> dict[str, str]:
        """The class that each file of a group builds."""
        sections = {file: self._read(group, file).get(group) or {} for file in self.files(group)}
        found = {file: str(section["_target_"]) for file, section in sections.items() if "_target_" in section}
        if group in TAKE_LISTS:
            for file, section in sections.items():
                own = yaml.safe_load((self.configs / group / f"{file}.yaml").read_text(encoding="utf-8")) or {}
                nodes = [own[name] for name in own if name in section and isinstance(own[name], dict)]
                found |= {file: str(node["_target_"]) for node in nodes[:1] if "_target_" in node}
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


def _moved(key: str) -> str | None:
    """A name whose section is called otherwise here."""
    parts = key.split(".")
    for many in (2, 1):
        if new := SECTIONS.get(squeezed(".".join(parts[:many]))):
            return ".".join([new, *parts[many:]])
    return None


def _by_last_part(last: str, settings: Mapping[str, Any]) -> list[str]:
    """Settings of some section whose own name is this."""
    found = [name for name in settings if "." in name and squeezed(name.rpartition(".")[2]) == squeezed(last)]
    places = {place: number for number, place in enumerate(_PLACES)}
    flat = [name for name in found if name.count(".") == 1 and name.partition(".")[0] in places]
    return sorted(flat, key=lambda name: places[name.partition(".")[0]])[:1]


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
