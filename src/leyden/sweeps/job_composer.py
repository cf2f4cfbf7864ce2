"""Composition of jobs: from the values of one job to a checked experiment."""

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from leyden.config.compose import check
from leyden.config.experiment import Trial
from leyden.config.initial_weights import initial_path
from leyden.config.recorded import differences, value_at
from leyden.records.projects import present_names
from leyden.records.record import CHECKPOINTS, CONFIG, read_yaml, rebase_paths
from leyden.sweeps.job import Job, read_outcome, resumed_with
from leyden.sweeps.naming import job_name
from leyden.system.errors import UserError

log = logging.getLogger(__name__)


class JobComposer:
    """Composes the jobs of a sweep.

    Args:
        config: of the sweep as a whole, with the section `hydra`.
        constants: overrides of all jobs, in Hydra's form.
        sweep_dir: directory of the sweep, in which jobs have their directories.
    """

    def __init__(self, context: HydraContext, config: DictConfig, constants: list[str], sweep_dir: Path) -> None:
        self.context, self.config, self.constants, self.sweep_dir = context, config, constants, sweep_dir
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._groups: dict[str, bool] = {}  # whether a key is a config group
        parsed = OverridesParser.create().parse_overrides(constants)
        self._constants = [override for override in parsed if not override.is_hydra_override()]

    @property
    def configs(self) -> Path:
        """The project's folder of configs."""
        sources = self.config.hydra.runtime.config_sources
        return Path(next(source.path for source in sources if source.provider == "main"))

    def job(self, swept: Mapping[str, str], trial: Trial | None = None) -> Job:
        """Job with the given values.

        Args:
            swept: for each key in Hydra's form (`++optimizer.lr`), the value as it would be typed.
            trial: of a search, if it may be pruned.

        Raises:
            UserError: a setting is wrong, or the job's directory contains a run with other settings.
            HydraException: the config cannot be composed.
        """
        overrides = [f"{key}={value}" for key, value in swept.items()]
        parsed = OverridesParser.create().parse_overrides(overrides)
        settings = {override.get_key_element().lstrip("+"): override.value() for override in parsed}
        name = job_name(settings)
        cfg = self._composed(parsed)
        _check_settings(cfg)
        cfg.paths.run_dir = str(self.sweep_dir / name)
        try:
            checked = check(cfg)
        except UserError as error:
            typed = [*settings, *(override.key_or_group for override in self._constants)]
            if any(key in str(error) for key in typed):
                raise
            raise UserError(f"{error} (of the job {name})") from error
        job = Job(name, settings, replace(checked, trial=trial), [*self.constants, *overrides])
        _check_same_settings(job)
        return job

    def _composed(self, swept: Sequence[Override]) -> DictConfig:
        """Config that Hydra would compose for a job; also becomes the global HydraConfig."""
        texts = [str(override.input_line) for override in swept]
        cfg = self._by_values(swept) if all(map(self._is_plain, swept)) else self._load(texts)
        with read_write(cfg.hydra):
            how, task = cfg.hydra.job.config.override_dirname, [*self._constants, *swept]
            told = [str(one.input_line) for one in task if one.key_or_group not in how.exclude_keys]
            cfg.hydra.job.override_dirname = how.item_sep.join(sorted(told)).replace("=", how.kv_sep)
            cfg.hydra.overrides.task = [str(one.input_line) for one in task]
        HydraConfig.instance().set_config(cfg)
        with read_write(cfg), open_dict(cfg):
            del cfg["hydra"]
        return cfg

    def _by_values(self, swept: Sequence[Override]) -> DictConfig:
        """Config of a job: values on top of the config of its choice of files, which is composed once.

        Composing all files again for each of a thousand jobs would take minutes.
        """
        texts = [str(override.input_line) for override in swept]
        files = tuple(text for override, text in zip(swept, texts, strict=True) if self._is_group(override))
        if files not in self._bases:
            self._bases[files] = self._load(files)
        cfg = deepcopy(self._bases[files])
        try:
            for override in swept:
                if not self._is_group(override):
                    added = override.is_force_add()
                    OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=added)
        except OmegaConfBaseException:
            self._load(texts)  # raises too, and names the override
            raise
        return cfg

    def _is_plain(self, override: Override) -> bool:
        """True if it chooses a file or sets one value, independent of the order of overrides."""
        if override.package is not None or isinstance(override.value(), dict):
            return False
        changes = override.type == OverrideType.CHANGE
        return changes or (override.is_force_add() and not self._is_group(override))

    def _is_group(self, override: Override) -> bool:
        key = override.key_or_group
        if key not in self._groups:
            known = self.config.hydra.runtime.choices
            self._groups[key] = key in known or bool(self.context.config_loader.get_group_options(key))
        return self._groups[key]

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        return self.context.config_loader.load_sweep_config(self.config, [*self.constants, *overrides])


def _check_settings(cfg: DictConfig) -> None:
    """Raise a UserError for settings with which jobs would share a run, or differ when the command is repeated."""
    if cfg.resume is not None:
        raise UserError(f"resume={cfg.resume}: resumes one run, without -m; repeat a sweep's command to resume it")
    if initial_path(cfg.init_from) == "last":
        raise UserError("init_from=last: would be a different run for each job; give the directory of one")
    if cfg.paths.run_dir is not None:
        raise UserError(f"paths.run_dir={cfg.paths.run_dir}: each job has its own directory; give paths.log_dir")


def _check_same_settings(job: Job) -> None:
    """Raise a UserError if the directory has a run with other settings, unless it has neither checkpoint nor result."""
    kept = job.dir / CONFIG
    if not kept.is_file():
        return
    before = read_yaml(kept)
    if not isinstance(before, dict) or not isinstance(before.get("paths"), dict):
        raise UserError(f"{kept}: is not the config of a run")
    before = rebase_paths(present_names(before), str(before["paths"].get("run_dir")), str(job.dir))
    now = job.experiment.config
    # A profiler changes no result, and older versions recorded one that did nothing.
    other = [
        place for place in differences(before, now) if place[0] != "paths" and place[:2] != ("trainer", "profiler")
    ]
    if not other or not (any((job.dir / CHECKPOINTS).glob("*.ckpt")) or read_outcome(job).done):
        return
    if more := resumed_with(job.dir, job.experiment.overrides):
        log.warning("%s: was resumed by hand with %s; it stays as it is", job.name, " ".join(more))
        return
    told = [f"{'.'.join(place)}={value_at(before, place)}, now {value_at(now, place)}" for place in other[:3]]
    rest = f" and {len(other) - 3} more" if len(other) > 3 else ""
    raise UserError(
        f"{job.dir}: was run with other settings: {'; '.join(told)}{rest}; give this sweep a name of its own, "
        "sweep.name=…"
    )
