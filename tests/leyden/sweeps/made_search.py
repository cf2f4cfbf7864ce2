"""Searches whose jobs train nothing."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from omegaconf import OmegaConf

from leyden.config.experiment import Trial
from leyden.records.record import write_record
from leyden.sweeps.job import Job, read_outcome
from leyden.sweeps.naming import job_name
from leyden.sweeps.param_values import parse, plain
from leyden.sweeps.search import Search
from leyden.system.errors import UserError
from tests.leyden.sweeps.made_jobs import made_job

PARAMS = {
    "optimizer": "choice(adam, sgd)",
    "optimizer.lr": "tag(log, interval(1e-4, 1e-1))",
    "model.width": "tag(log, int(interval(1, 64)))",
    "optimizer.momentum": {"when": {"optimizer": "sgd"}, "value": "interval(0, 0.9)"},
}
TPE = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 4}
SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3},
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "cmaes": {"_target_": "optuna.samplers.CmaEsSampler", "popsize": 3},
    "nsgaii": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 3},
}
MEDIAN = {"_target_": "optuna.pruners.MedianPruner"}

Value = Callable[[Mapping[str, Any]], float]


class MadeComposer:
    """Makes jobs of whatever values it is given, and refuses those of which `wrong` says why."""

    def __init__(self, folder: Path, constants: tuple[str, ...] = ()) -> None:
        self.sweep_dir, self.constants = folder, list(constants)
        self.context = SimpleNamespace(config_loader=None)
        chosen = {key: value for key, _, value in (text.partition("=") for text in constants)}
        choices = {"optimizer": "adam", **chosen}
        self.config = OmegaConf.create({"model": {"width": 3}, "hydra": {"runtime": {"choices": choices}}})
        self.wrong: Callable[[Mapping[str, Any]], str | None] = lambda settings: None
        self.made = 0

    def job(self, swept: Mapping[str, str], trial: Trial | None = None) -> Job:
        self.made += 1
        settings = {key.lstrip("+"): plain(text) for key, text in swept.items()}
        if why := self.wrong(settings):
            raise UserError(why)
        job = made_job(self.sweep_dir, job_name(settings), **settings)
        return replace(job, experiment=replace(job.experiment, trial=trial))


def made_search(folder: Path, *typed: str, constants: tuple[str, ...] = (), seed: int = 1, **settings: Any) -> Search:
    """A search that minimises val/loss in a folder, by TPE."""
    return search_of(MadeComposer(folder, constants), *typed, seed=seed, **settings)


def search_of(composer: MadeComposer, *typed: str, seed: int = 1, **settings: Any) -> Search:
    everything = {"name": None, "on_error": "continue", "n_trials": 8, "params": PARAMS, "sampler": TPE, **settings}
    swept = {}
    for text in typed:
        name, _, value = text.partition("=")
        override = parse(name, value)
        swept[override.get_key_element()] = override
    return Search(composer, everything, swept, "val/loss", "min", seed)  # type: ignore[arg-type]


def place(folder: Path, empty: Path) -> Path:
    """A sweep's directory with the tables of a study, which take a second to make."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty, folder / "study.db")
    return folder


def loss(settings: Mapping[str, Any]) -> float:
    return float((settings["optimizer.lr"] - 0.01) ** 2 + abs(settings["model.width"] - 16) / 64)


def end(job: Job, value: float | None = None, status: str = "finished", **more: Any) -> None:
    """What a run leaves behind."""
    job.dir.mkdir(parents=True, exist_ok=True)
    metrics = {} if value is None else {"val/loss": value}
    write_record(job.dir, {"status": status, "metrics": metrics, "epochs": 2, "seconds": 1.5, **more})


def go_on(search: Search, most: int = 1000, value: Value = loss, opens: bool = True) -> list[Job]:
    """Execute jobs one after the other as the loop does; returns those that were really executed."""
    executed: list[Job] = []
    if opens:
        search.open()
    while len(executed) < most and (job := search.ask()):
        if not read_outcome(job).done:
            end(job, value(job.settings))
            executed.append(job)
        search.tell(read_outcome(job))
    return executed


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=None, storage=f"sqlite:///{folder}/study.db").get_trials()


def states(folder: Path) -> list[str]:
    return [trial.state.name for trial in trials_of(folder)]
