"""What Hydra composed, resolved, checked and named: an experiment."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from leyden.config.overrides import allow_new_values, as_typed
from leyden.config.validation import validate

Config = dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """One run to be: what to do, what it is called and where it will be kept.

    Attributes:
        name: the chosen file of configs/experiment.
        config: resolved and checked; plain dicts, lists and values.
        overrides: what was typed.
    """

    name: str
    config: Config
    overrides: list[str]

    @property
    def run_dir(self) -> Path:
        """Where the run is kept; made when it opens."""
        return Path(self.config["paths"]["run_dir"])


def compose(overrides: Sequence[str] = (), door: str = "train", configs: str | Path = "configs") -> Experiment:
    """The experiment that `python train.py <overrides>` would run, for notebooks, scripts and tests.

    Raises:
        UserError: the config does not hold.
        HydraException: an override names nothing.
    """
    with hydra.initialize_config_dir(str(Path(configs).resolve()), version_base="1.3"):
        cfg = hydra.compose(door, allow_new_values(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        try:
            with read_write(cfg), open_dict(cfg):
                del cfg["hydra"]
            return check(cfg)
        finally:
            HydraConfig.instance().cfg = None


def check(cfg: DictConfig) -> Experiment:
    """Resolve what Hydra composed, within its job, and check it.

    Raises:
        UserError: the first thing that does not hold.
    """
    hydra_cfg = HydraConfig.get()
    name = hydra_cfg.runtime.choices["experiment"]
    overrides = as_typed(OmegaConf.to_container(hydra_cfg.overrides.task))  # type: ignore[arg-type]  # a list of str
    if cfg.paths.run_dir is None:
        if hydra_cfg.mode == RunMode.MULTIRUN:
            run_dir = Path(hydra_cfg.sweep.dir, _job_name(overrides))
        else:
            run_dir = Path(cfg.paths.log_dir, name, f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
        cfg.paths.run_dir = str(run_dir)
    config: Config = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    source = next(s.path for s in hydra_cfg.runtime.config_sources if s.provider == "main")
    validate(config, top_level_keys(Path(source, f"{hydra_cfg.job.config_name}.yaml")))
    return Experiment(name, config, overrides)


def top_level_keys(primary: Path) -> set[str]:
    """The groups and settings that a primary config names."""
    content = yaml.safe_load(primary.read_text(encoding="utf-8"))
    groups = (next(iter(entry)) for entry in content["defaults"] if isinstance(entry, dict))
    return {group.removeprefix("optional ") for group in groups} | (set(content) - {"defaults"})


def _job_name(overrides: Sequence[str]) -> str:
    """A job of a sweep is named by what it runs."""
    settings = ",".join(o for o in overrides if not o.startswith("experiment="))
    name = re.sub(r"[^\w.,=+-]", "_", settings) or "default"
    return name if len(name) < 150 else f"{name[:130]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
