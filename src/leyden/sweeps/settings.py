"""The settings of a search, checked before anything of it is done."""

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
class Settings:
    """What configs/sweep says of a search.

    Attributes:
        n_trials: how many are to end with a result.
        params: what is searched.
        objectives: metrics, and `min` or `max` for each.
        storage: the URL of a database; None for a file in the sweep's directory.
        study: its name there; None for one that is made up.
        sampler: what is built, without its seed.
        pruner: what is built; empty for none.
    """

    n_trials: int
    params: Any
    objectives: dict[str, str]
    storage: str | None
    study: str | None
    sampler: dict[str, Any]
    pruner: dict[str, Any]


def check_settings(settings: Mapping[str, Any], monitor: str, mode: str) -> Settings:
    """The settings, if they hold.

    Args:
        settings: the section `sweep`, as plain values.
        monitor: the metric that the runs monitor.
        mode: whether it is to be small (`min`) or large (`max`).

    Raises:
        UserError: the first thing that does not hold.
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
            "sweep.storage: is no URL of a database, such as postgresql://me@host/studies or sqlite:////shared/study.db"
        )
    if study is not None and not isinstance(study, str | int):
        raise UserError(f"sweep.study={study}: must be a name")
    objectives = _objectives(settings.get("objectives"), monitor, mode)
    sampler, pruner = settings.get("sampler") or {}, settings.get("pruner") or {}
    for name, node in (("sampler", sampler), ("pruner", pruner)):
        if (node or name == "sampler") and not (isinstance(node, Mapping) and "_target_" in node):
            raise UserError(f"sweep.{name}: there is none; choose one, as in sweep/{name}=…")
        if "seed" in node:
            raise UserError(f"sweep.{name}.seed: is made of the seed of the runs; give seed=…")
        if node:
            check_section(f"sweep.{name}", node)
    if pruner and len(objectives) > 1:
        raise UserError("sweep/pruner: a search with several objectives gives nothing up; sweep/pruner=none")
    if pruner and not next(iter(objectives)).startswith("val/"):
        raise UserError(
            f"sweep/pruner: looks at validations, and {next(iter(objectives))} is no metric of theirs; "
            "monitor=val/…, or sweep/pruner=none"
        )
    where, called = None if storage is None else str(storage), None if study is None else str(study)
    return Settings(n_trials, settings.get("params") or {}, objectives, where, called, dict(sampler), dict(pruner))


def check_pruner(config: DictConfig, configs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse, with a UserError, a pruner that takes a setting from the runs in which they differ: there is one for all.

    Args:
        config: of the sweep as a whole, with interpolations.
        configs: of jobs in which everything that is searched comes up with each of its ends.
    """
    pruner = OmegaConf.select(config, "sweep.pruner")
    plain: Any = OmegaConf.to_container(pruner, resolve=False) if isinstance(pruner, DictConfig) else {}
    for key, value in plain.items():
        for name in _INTERPOLATION.findall(value) if isinstance(value, str) else ():
            values = [OmegaConf.select(OmegaConf.create(dict(config)), name) for config in configs]
            if any(value != values[0] for value in values):
                raise UserError(f"sweep.pruner.{key}: is {name}, which is searched; give a number of its own")


def check_objectives(objectives: Mapping[str, str], configs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse, with a UserError, an objective that is never measured, as there is no validation or no test.

    Args:
        objectives: of the search.
        configs: of jobs in which everything that is searched comes up with each of its ends.
    """
    for name in objectives:
        for config in configs:
            why = never_validates(config) if name.startswith("val/") else None
            if name.startswith("test/") and config.get("test") is False:
                why = "there is no test with test=false"
            if why:
                raise UserError(f"sweep.objectives.{name}: {why}; give metrics that are measured")


def _objectives(given: Any, monitor: str, mode: str) -> dict[str, str]:
    if given is None:
        return {monitor: mode}
    if not isinstance(given, Mapping) or not given:
        raise UserError(f"sweep.objectives={given}: must be a mapping, as in {{val/acc: max, seconds: min}}")
    for metric, goal in given.items():
        if goal not in ("min", "max"):
            raise UserError(f"sweep.objectives.{metric}={goal}: must be min or max")
    return {str(metric): goal for metric, goal in given.items()}
