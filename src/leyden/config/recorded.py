"""The config of an existing run, with overrides applied on top."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from leyden.config.experiment import Config, Recorded
from leyden.config.mappings import with_names_as_text
from leyden.config.names import Names
from leyden.config.overrides import allow_new_values, as_typed
from leyden.records.projects import present_names
from leyden.records.record import CONFIG, OVERRIDES, RECORD, read_record, read_yaml, rebase_paths
from leyden.system.errors import UserError

_GONE = object()

# Settings with which a run is resumed unchanged; and those of its data that may change.
FIXED = ("model", "task", "optimizer", "scheduler", "seed", "monitor", "mode", "init_from", "matmul_precision")
FREE_OF_DATA = ("root", "path", "val_path", "test_path", "eval_batch_size", "num_workers", "cache")


def recorded(
    run_dir: Path, typed: Sequence[str] = (), own: Collection[str] = (), primary: Path | None = None
) -> Recorded:
    """A run's config, read from its directory, with overrides applied.

    The recorded config is complete, and does not depend on the project's current YAML files. The effect of overrides is
    found by composing the experiment with and without them: where the two differ, and where a chosen file states a
    value, the recorded config is changed. So `paths.data_dir=…` changes every path below it.

    Args:
        run_dir: the run's directory; it may have been moved.
        typed: overrides, as they were typed.
        own: top-level keys that are settings of the command, not of the run.
        primary: the command's primary config; needed if there are overrides.

    Raises:
        UserError: the record cannot be read, or the experiment cannot be composed any more.
    """
    config = read_yaml(run_dir / CONFIG)
    before = read_yaml(run_dir / OVERRIDES) if (run_dir / OVERRIDES).is_file() else []
    if not isinstance(config, dict) or not isinstance(config.get("paths"), dict):
        raise UserError(f"{run_dir / CONFIG}: is not the config of a run")
    if not isinstance(before, list | None):
        raise UserError(f"{run_dir / OVERRIDES}: is not a list of overrides")
    config = present_names(config)
    config = rebase_paths(config, str(config["paths"].get("run_dir")), str(run_dir))
    before = [str(override) for override in before or [] if not str(override).startswith(("hydra.", "hydra/"))]
    keys = {override: _key(override) for override in typed}
    now = [override for override in typed if keys[override].partition(".")[0] not in own]
    for override in now:
        if keys[override] in ("experiment", "debug", "local"):
            raise UserError(f"{override}: a run has its own; use single settings, or start a new run")
    result = config
    if now:
        was, will_be = (_composed(overrides, run_dir) for overrides in (before, [*before, *now]))
        changes = differences(was, will_be)
        values = [keys[o] for o in now if not o.startswith("~") and _is_value(keys[o], will_be)]
        stated = [key for o in now for key in (_stated_by(o, Names(primary)) if primary else ())]
        values += [key for key in stated if value_at(will_be, key.split("."), _GONE) is not _GONE]
        changes |= {tuple(key.split(".")): value_at(will_be, key.split(".")) for key in values}
        result = _changed(config, changes)
    name = str(read_record(run_dir).get("experiment", "run")) if (run_dir / RECORD).is_file() else "run"
    return Recorded(run_dir, name, config, result, before, as_typed(now))


def check_resumable(run: Recorded) -> None:
    """Refuse, with a UserError, to resume a run with another network, optimizer or data."""
    for place in differences(run.before, run.config):
        name = ".".join(place)
        if place[0] in FIXED or (place[0] == "data" and place[1:2] and place[1] not in FREE_OF_DATA):
            raise UserError(
                f"{name}={value_at(run.config, place)}: a run is resumed as it was; to train its weights in another "
                f"way, start a new run with init_from={run.dir}"
            )


def check_measurable(run: Recorded) -> None:
    """Refuse, with a UserError, settings that have no effect on a trained network."""
    for place in differences(run.before, run.config):
        if place[0] in ("model", "task", "optimizer", "scheduler"):
            raise UserError(f"{'.'.join(place)}: comes from the run's checkpoint, or is for training; leave it out")


def _composed(overrides: Sequence[str], run_dir: Path) -> Config:
    """The config that the project's current files and overrides compose, within a Hydra context."""
    try:
        cfg = hydra.compose("train", allow_new_values(overrides))
    except Exception as error:  # Hydra and OmegaConf raise many kinds for files that have changed
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
    """True if an override of this key sets a value, and does not choose a file."""
    return not isinstance(value_at(config, key.split(".")), Mapping) and "/" not in key and "@" not in key


def _stated_by(override: str, names: Names) -> Iterable[str]:
    """The settings that a file of a group states itself, if the override chooses one."""
    group, _, file = override.lstrip("+").partition("=")
    return names.stated(group, file) if file in names.files(group) else ()


def value_at(config: Any, place: Iterable[str], default: Any = None) -> Any:
    """The value at a place of a config."""
    for part in place:
        config = config.get(part, default) if isinstance(config, Mapping) else default
    return config


def differences(was: Any, is_now: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The places where two configs differ, with the value of the second."""
    if not isinstance(was, Mapping) or not isinstance(is_now, Mapping):
        return {} if was == is_now else {place: is_now}
    found: dict[tuple[str, ...], Any] = {}
    for key in [*was, *(key for key in is_now if key not in was)]:
        found |= differences(was.get(key, _GONE), is_now.get(key, _GONE), (*place, key))
    return found


def _changed(config: Config, changes: Mapping[tuple[str, ...], Any]) -> Config:
    """A copy of a config with some places changed."""
    config = deepcopy(config)
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
