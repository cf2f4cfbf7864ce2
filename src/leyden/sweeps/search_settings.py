"""Settings of a search, checked before it starts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig, OmegaConf

from leyden.config.monitored_metrics import never_validates
from leyden.config.validation import check_section
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
_KNOWN = ("name", "on_error", "n_trials", "params", "objectives", "storage", "study", "sampler", "pruner")


@dataclass(frozen=True)
class SearchSettings:
    """The section `sweep` of a search."""

    n_trials: int
    params: Any
    objectives: dict[str, str]
    storage: str | None
    study: str | None
    sampler: dict[str, Any]
    pruner: dict[str, Any]


def check_settings(settings: Mapping[str, Any], monitor: str, mode: str) -> SearchSettings:
    """Checked settings of a search.

    Raises:
        UserError: for the first mistake.
    """
    if find_spec("optuna") is None:
        raise UserError("sweep: optuna is not installed; uv sync --extra sweeps, or pip install -e '.[sweeps]'")
    for key in settings:
        if key not in _KNOWN:
            raise UserError(f"sweep.{key}: unknown key" + did_you_mean(f"sweep.{key}", [f"sweep.{k}" for k in _KNOWN]))
    if "sampler" not in settings:
        raise UserError("sweep.n_trials: is a setting of a search; add sweep=optuna")
    n_trials = settings.get("n_trials")
    if not isinstance(n_trials, int) or isinstance(n_trials, bool) or n_trials < 1:
        raise UserError(f"sweep.n_trials={n_trials}: must be a whole number, 1 or more")
    storage, study = settings.get("storage"), settings.get("study")
    if storage is not None and "://" not in str(storage):
        raise UserError(
            "sweep.storage: is not the URL of a database, such as postgresql://me@host/studies or sqlite:////shared/study.db"
        )
    if study is not None and not isinstance(study, str | int):
        raise UserError(f"sweep.study={study}: must be a name")
    objectives = _objectives(settings.get("objectives"), monitor, mode)
    sampler, pruner = settings.get("sampler") or {}, settings.get("pruner") or {}
    for name, node in (("sampler", sampler), ("pruner", pruner)):
        if (node or name == "sampler") and not (isinstance(node, Mapping) and "_target_" in node):
            raise UserError(f"sweep.{name}: is not set; choose one, as in sweep/{name}=…")
        if "seed" in node:
            raise UserError(f"sweep.{name}.seed: is derived from the seed of the runs; give seed=…")
        if node:
            check_section(f"sweep.{name}", node)
    if pruner and len(objectives) > 1:
        raise UserError("sweep/pruner: a search with several objectives cannot prune; sweep/pruner=none")
    if pruner and not next(iter(objectives)).startswith("val/"):
        raise UserError(
            f"sweep/pruner: needs a validation metric, and {next(iter(objectives))} is not one; "
            "monitor=val/…, or sweep/pruner=none"
        )
    return SearchSettings(
        n_trials,
        settings.get("params") or {},
        objectives,
        None if storage is None else str(storage),
        None if study is None else str(study),
        dict(sampler),
        dict(pruner),
    )


def common_monitor(configs: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The metric that all jobs monitor, and its mode.

    Raises:
        UserError: they monitor different ones.
    """
    found = list(dict.fromkeys((str(config["monitor"]), str(config["mode"])) for config in configs))
    if len(found) > 1:
        told = " and ".join(f"{monitor} ({mode})" for monitor, mode in found)
        raise UserError(
            f"sweep: its jobs monitor {told}, and a search needs one objective; search each experiment by itself, or "
            "compare them in a grid: leave sweep=… out"
        )
    return found[0]


def check_pruner(config: DictConfig, configs: Sequence[Mapping[str, Any]]) -> None:
    """Raise a UserError for a pruner that interpolates a searched setting: there is one pruner for all trials.

    Args:
        config: of the sweep as a whole, with interpolations.
        configs: of jobs that contain both bounds or every choice of each param.
    """
    pruner = OmegaConf.select(config, "sweep.pruner")
    plain: Any = OmegaConf.to_container(pruner, resolve=False) if isinstance(pruner, DictConfig) else {}
    for key, value in plain.items():
        for name in _INTERPOLATION.findall(value) if isinstance(value, str) else ():
            values = [OmegaConf.select(OmegaConf.create(dict(config)), name) for config in configs]
            if any(value != values[0] for value in values):
                raise UserError(f"sweep.pruner.{key}: is {name}, which is searched; give a number")


def check_objectives(objectives: Mapping[str, str], configs: Sequence[Mapping[str, Any]]) -> None:
    """Raise a UserError for an objective that is never logged, without validation or test.

    Args:
        configs: of jobs that contain both bounds or every choice of each param.
    """
    for name in objectives:
        for config in configs:
            why = never_validates(config) if name.startswith("val/") else None
            if name.startswith("test/") and config.get("test") is False:
                why = "there is no test with test=false"
            if why:
                raise UserError(f"sweep.objectives.{name}: {why}; give metrics that are logged")


def _objectives(setting: Any, monitor: str, mode: str) -> dict[str, str]:
    if setting is None:
        return {monitor: mode}
    if not isinstance(setting, Mapping) or not setting:
        raise UserError(f"sweep.objectives={setting}: must be a mapping, as in {{val/acc: max, seconds: min}}")
    for metric, goal in setting.items():
        if goal not in ("min", "max"):
            raise UserError(f"sweep.objectives.{metric}={goal}: must be min or max")
    return {str(metric): goal for metric, goal in setting.items()}
