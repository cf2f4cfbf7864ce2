"""Composition of an experiment: from overrides and YAML files to a resolved and checked config."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from leyden.config.cross_checks import check_callbacks, check_strategy, refuse_tuners
from leyden.config.experiment import Config, Experiment, Recorded
from leyden.config.hydra_settings import check_hydra
from leyden.config.initial_weights import initial_path, initial_weights
from leyden.config.mappings import with_names_as_text
from leyden.config.messages.hydra_errors import explain
from leyden.config.monitored_metrics import check_monitored
from leyden.config.names import own_keys
from leyden.config.new_run_dir import new_run_dir
from leyden.config.overrides import allow_new_values, as_typed
from leyden.config.quiet import QUIET, is_quiet, without_quiet
from leyden.config.recorded import check_measurable, check_resumable, recorded
from leyden.config.validation import validate
from leyden.config.vocabulary import Vocabulary
from leyden.records.record import LATEST, check_free, checkpoint_of, find_run
from leyden.system.errors import UserError
from leyden.system.override_text import homes_expanded, setting, with_home
from leyden.system.processes import rank


def compose(overrides: Sequence[str] = (), configs: str | Path = "configs") -> Experiment:
    """The experiment that `python train.py <overrides>` would run, for notebooks, scripts and tests.

    Raises:
        UserError: an override is unknown, or the config is invalid.
    """
    with _composed("train", overrides, configs) as cfg:
        return check(cfg)


def compose_run(
    overrides: Sequence[str] = (), command: str = "eval", configs: str | Path = "configs"
) -> tuple[Recorded, Config]:
    """The run that `python <command>.py <overrides>` would open, and the settings of the command itself.

    Raises:
        UserError: an override is unknown, there is no such run, or its config is invalid.
    """
    with _composed(command, overrides, configs) as cfg:
        return check_run(cfg)


@contextmanager
def _composed(command: str, overrides: Sequence[str], configs: str | Path) -> Iterator[DictConfig]:
    check_hydra(overrides)
    words = Vocabulary(Path(configs, f"{command}.yaml"))
    with hydra.initialize_config_dir(str(Path(configs).resolve()), version_base="1.3"):
        try:
            cfg = hydra.compose(command, allow_new_values(overrides, words), return_hydra_config=True)
        except HydraException as error:
            raise UserError(explain(error, words, overrides)) from error
        HydraConfig.instance().set_config(cfg)
        try:
            with read_write(cfg), open_dict(cfg):
                del cfg["hydra"]
            yield cfg
        finally:
            HydraConfig.instance().cfg = None


def check(cfg: DictConfig) -> Experiment:
    """Resolve what Hydra composed, within its job, and check it.

    Raises:
        UserError: for the first setting that is wrong.
    """
    hydra_cfg, overrides, primary = HydraConfig.get(), _typed(), _primary()
    is_quiet(cfg)
    _expand_homes(cfg)
    if cfg.resume is not None:
        run = recorded(find_run(str(cfg.resume), cfg.paths.log_dir, "resume"), overrides, {"resume", QUIET}, primary)
        check_resumable(run)
        if rank() == 0:
            check_free(run.dir, "resume")
        refuse_tuners(run.config, None)
        _check(run.config, Vocabulary(primary), overrides)
        changed = run.config != run.before
        overrides = [*run.overrides, *run.typed]
        return Experiment(run.name, run.config, overrides, resumes=True, changed=changed, recorded=True)
    choices, is_job = hydra_cfg.runtime.choices, _is_job()
    name = choices["experiment"]
    if not is_job and choices["sweep"] != "default":
        raise UserError(f"sweep={choices['sweep']}: is a search of many runs; add -m")
    if not is_job and choices["hydra/launcher"] not in ("local", "basic"):
        raise UserError(f"hydra/launcher={choices['hydra/launcher']}: is for sweeps; add -m")
    if cfg.paths.run_dir is None:
        cfg.paths.run_dir = str(new_run_dir(cfg.paths.log_dir, name))
    config: Config = with_names_as_text(homes_expanded(OmegaConf.to_container(cfg, resolve=True)))
    for own in ("resume", "sweep", QUIET):
        del config[own]
    refuse_tuners(config, overrides)
    _check({**config, "init_from": initial_path(config["init_from"])}, Vocabulary(primary), overrides)
    overrides = without_quiet(overrides)
    if (initial := initial_weights(config["init_from"])) and rank() == 0:  # later, `last` may be this run
        path = str(_weights_of(initial["path"], config["paths"]["log_dir"]))
        config["init_from"] = {**initial, "path": path} if len(initial) > 1 else path
    return Experiment(name, config, overrides, resumes=is_job and Path(config["paths"]["run_dir"]).exists())


def _check(config: Config, words: Vocabulary, overrides: Sequence[str]) -> None:
    validate(config, words, overrides)
    check_monitored(config)
    check_strategy(config["trainer"])
    check_callbacks(config)


def check_run(cfg: DictConfig) -> tuple[Recorded, Config]:
    """The run that a command opens, and the command's own settings: those that its primary config states itself.

    Raises:
        UserError: for the first setting that is wrong.
    """
    primary = _primary()
    _expand_homes(cfg)
    own = set(own_keys(primary))
    settings = {key: None if OmegaConf.is_missing(cfg, key) else homes_expanded(cfg[key]) for key in own}
    if settings["run"] is None and cfg.resume is not None:
        raise UserError(f"resume={cfg.resume}: is for train.py; write {setting('run', str(cfg.resume))}")
    if settings["run"] is None:
        raise UserError("run: no value given; add run=last, or run=<directory>")
    is_quiet(settings)
    run = recorded(find_run(str(settings["run"]), cfg.paths.log_dir), _typed(), own, primary)
    check_measurable(run)
    validate(run.config, Vocabulary(primary.with_name("train.yaml")), run.typed)
    return run, settings


def _expand_homes(cfg: DictConfig) -> None:
    """Expand `~/` in paths of the YAML files, which others are composed of; typed paths are expanded already."""
    for name, path in (cfg.get("paths") or {}).items():
        if isinstance(path, str):
            cfg.paths[name] = with_home(path)


def _typed() -> list[str]:
    overrides = OmegaConf.to_container(HydraConfig.get().overrides.task)
    return as_typed(overrides)  # type: ignore[arg-type]  # a list of str


def _primary() -> Path:
    hydra_cfg = HydraConfig.get()
    source = next(s.path for s in hydra_cfg.runtime.config_sources if s.provider == "main")
    return Path(source, f"{hydra_cfg.job.config_name}.yaml")


def _weights_of(name: str, log_dir: str) -> Path:
    """The checkpoint that `init_from` names: a file, or the best one of a run."""
    path = Path(name).expanduser()
    if name != LATEST and not path.exists():
        raise UserError(f"init_from={name}: does not exist; use a run directory, a file of weights, or last")
    is_weights = path.is_file() and path.name != LATEST
    return path if is_weights else checkpoint_of(find_run(name, log_dir, "init_from"), "best", "init_from")


def _is_job() -> bool:
    """True in a job of a sweep, which resumes a run of it that exists already."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)
