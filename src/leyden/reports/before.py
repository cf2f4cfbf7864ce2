"""Values that settings had before they were overridden, from the project's present YAML files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
from omegaconf import OmegaConf

from leyden.config.experiment import Config
from leyden.config.mappings import with_names_as_text
from leyden.config.overrides import allow_new_values
from leyden.config.recorded import differences, value_at
from leyden.system.override_text import homes_expanded

NOT_SET = object()
_FREE = ("paths", "init_from", "callbacks", "logger")  # contain the run's directory, or what `last` was


@dataclass(frozen=True)
class Before:
    """Values that the overrides of a run replaced.

    Attributes:
        values: of overridden settings, by dotted name; NOT_SET where the YAML files had none.
        choices: files of overridden groups: `{"model": "mlp"}`.
        is_known: false if the YAML files have changed since, or cannot be composed.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    is_known: bool = False


def values_before(config: Config, overrides: Sequence[str], configs: Path) -> Before:
    """Values that the overrides of a run replaced, if the YAML files with them still compose the run's recorded config.

    A value is that of the files which the run chose; a file is that of the experiment.

    Args:
        config: as it was recorded.
        overrides: as they were typed.
        configs: the folder with train.yaml.
    """
    typed = [override for override in overrides if not override.lstrip("+~").startswith(("hydra.", "hydra/", "sweep"))]
    try:
        with hydra.initialize_config_dir(str(configs.resolve()), version_base="1.3"):
            now, choices = _composed(typed, config)
            files = [override for override in typed if _key(override) in choices]
            chosen, _ = _composed(files, config)
            _, own = _composed([override for override in files if _key(override) == "experiment"], config)
    except Exception:  # Hydra and OmegaConf raise many kinds for files that have changed
        return Before()
    if any(place[0] not in _FREE for place in differences(_comparable(now), _comparable(config))):
        return Before()
    keys = [_key(override) for override in typed if override not in files]
    values = {key: value_at(chosen, key.split("."), NOT_SET) for key in keys}
    groups = {key: str(own[key]) for key in map(_key, files) if key != "experiment" and own.get(key)}
    return Before(values, groups, True)


def _composed(overrides: Sequence[str], config: Config) -> tuple[Config, dict[str, Any]]:
    """Config and chosen files of some overrides."""
    cfg = hydra.compose("train", allow_new_values(overrides), return_hydra_config=True)
    choices = dict(cfg.hydra.runtime.choices)
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    OmegaConf.update(cfg, "paths.run_dir", value_at(config, ("paths", "run_dir")), force_add=True)
    return with_names_as_text(homes_expanded(OmegaConf.to_container(cfg, resolve=True))), choices


def _comparable(config: Config) -> Config:
    return {key: value for key, value in config.items() if key not in ("quiet", "resume", "sweep")}


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~").partition("@")[0]
