"""The config of a run that there is already, with what is typed put on top."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from leyden.config.experiment import Config, Recorded
from leyden.config.mappings import with_names_as_text
from leyden.config.overrides import allow_new_values, as_typed
from leyden.records.projects import present_names
from leyden.records.rebased_paths import rebase_paths
from leyden.records.record import CONFIG, OVERRIDES, RECORD, read_record, read_yaml
from leyden.system.errors import UserError

_GONE = object()

# What makes a run what it is, for it is resumed as it was; and what of its data may be another.
FIXED = ("model", "task", "optimizer", "scheduler", "seed", "monitor", "mode", "init_from", "matmul_precision")
FREE_OF_DATA = ("root", "path", "val_path", "test_path", "eval_batch_size", "num_workers", "cache")


def recorded(
    run_dir: Path, typed: Sequence[str] = (), own: Collection[str] = (), configs: Path | None = None
) -> Recorded:
    """A run's config, read from its directory, with overrides on top.

    The recorded config is complete, and does not depend on the project's YAML files of today. What overrides mean is
    found by composing the experiment with and without them: where the two differ, and where a file that was chosen
    states something, the recorded config is changed. So `paths.data_dir=…` changes everything that lies below it.

    Args:
        run_dir: where it is kept; it may have been moved.
        typed: overrides, as they were typed.
        own: the keys of this config that are the command's business, not the run's.
        configs: the folder of the project's YAML files; needed where something is typed.

    Raises:
        UserError: the record cannot be read, or the experiment cannot be composed any more.
    """
    config = read_yaml(run_dir / CONFIG)
    before = read_yaml(run_dir / OVERRIDES) if (run_dir / OVERRIDES).is_file() else []
    if not isinstance(config, dict) or not isinstance(config.get("paths"), dict):
        raise UserError(f"{run_dir / CONFIG}: is no config of a run")
    if not isinstance(before, list | None):
        raise UserError(f"{run_dir / OVERRIDES}: is no list of overrides")
    config = present_names(config)
    config = rebase_paths(config, str(config["paths"].get("run_dir")), str(run_dir))
    before = [str(override) for override in before or [] if not str(override).startswith(("hydra.", "hydra/"))]
    keys = {override: _key(override) for override in typed}
    now = [override for override in typed if keys[override].partition(".")[0] not in own]
    for override in now:
        if keys[override] in ("experiment", "debug", "local"):
            raise UserError(f"{override}: a run has its own; give single settings, or start a new run")
    result = config
    if now:
        was, will_be = (_composed(overrides, run_dir) for overrides in (before, [*before, *now]))
        changes = differences(was, will_be)
        values = [keys[o] for o in now if not o.startswith("~") and _is_value(keys[o], will_be)]
        values += [key for o in now for key in _stated_by(o, configs) if _is_there(key, will_be)]
        changes |= {tuple(key.split(".")): value_at(will_be, key.split(".")) for key in values}
        result = _changed(config, changes)
    name = str(read_record(run_dir).get("experiment", "run")) if (run_dir / RECORD).is_file() else "run"
    return Recorded(run_dir, name, config, result, before, as_typed(now))


def check_resumable(run: Recorded) -> None:
    """Refuse, with a UserError, to go on with a run as another."""
    for place in differences(run.before, run.config):
        name = ".".join(place)
        if place[0] in FIXED or (place[0] == "data" and place[1:2] and place[1] not in FREE_OF_DATA):
            raise UserError(
                f"{name}={value_at(run.config, place)}: a run is resumed as it was; to train its weights in another "
                f"way, start a new run with init_from={run.dir}"
            )


def check_measurable(run: Recorded) -> None:
    """Refuse, with a UserError, what would have no effect on a network that is trained."""
    for place in differences(run.before, run.config):
        if place[0] in ("model", "task", "optimizer", "scheduler"):
            raise UserError(f"{'.'.join(place)}: comes from the run's checkpoint, or is for training; leave it out")


def _composed(overrides: Sequence[str], run_dir: Path) -> Config:
    """What the project's files of today make of overrides, within a Hydra context."""
    try:
        cfg = hydra.compose("train", allow_new_values(overrides))
    except Exception as error:  # whatever Hydra and OmegaConf raise for files that have changed
        why = str(error).strip().partition("\n")[0]
        raise UserError(
            f"{run_dir}: its experiment cannot be composed from configs/ any more, which overrides need ({why}); leave "
            "them out, or check out the run's commit"
        ) from error
    OmegaConf.update(cfg, "paths.run_dir", str(run_dir), force_add=True)
    return with_names_as_text(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]  # a dict


def _key(override: str) -> str:
    return str(OverridesParser.create().parse_override(override).key_or_group).lstrip("+~")


def _is_value(key: str, config: Config) -> bool:
    """Whether an override of this key sets a value, and does not choose a file."""
    return not isinstance(value_at(config, key.split(".")), Mapping) and "/" not in key and "@" not in key


def _stated_by(override: str, configs: Path | None) -> list[str]:
    """The settings that the file of a group states itself, if the override chooses one."""
    group, _, name = override.lstrip("+").partition("=")
    path = configs / group / f"{name}.yaml" if configs else None
    if path is None or not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text) or {}
    place = () if text.startswith("# @package _global_") else tuple(group.split("/"))
    content.pop("defaults", None)
    return [".".join(leaf) for leaf in _leaves(content, place)]


def _leaves(value: Any, place: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The places of all values in a config."""
    if not isinstance(value, Mapping):
        return [place]
    return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*place, str(key)))]


def _is_there(key: str, config: Config) -> bool:
    place, _, last = key.rpartition(".")
    section = value_at(config, place.split(".")) if place else config
    return isinstance(section, Mapping) and last in section


def value_at(config: Any, place: Iterable[str]) -> Any:
    """What stands at a place of a config; None where there is no such place."""
    for part in place:
        config = config.get(part) if isinstance(config, Mapping) else None
    return config


def differences(was: Any, is_now: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Where two configs differ, and what stands there in the second."""
    if not isinstance(was, Mapping) or not isinstance(is_now, Mapping):
        return {} if was == is_now else {place: is_now}
    found: dict[tuple[str, ...], Any] = {}
    for key in [*was, *(key for key in is_now if key not in was)]:
        found |= differences(was.get(key, _GONE), is_now.get(key, _GONE), (*place, key))
    return found


def _changed(config: Config, changes: Mapping[tuple[str, ...], Any]) -> Config:
    """A copy of a config with some places changed."""
    config = _copy(config)
    for place, value in changes.items():
        *path, last = place
        section = config
        for part in path:
            if not isinstance(section.get(part), dict):
                section[part] = {}
            section = section[part]
        if value is _GONE:
            section.pop(last, None)
        else:
            section[last] = value
    return config


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value
