"""Settings of a run in experiment trackers such as W&B and MLflow, and its ids there."""

from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger

from leyden.config.experiment import Config

SECTIONS = ("data", "model", "task", "optimizer", "scheduler", "trainer", "seed")


def log_settings(trainer: L.Trainer, config: Config) -> None:
    """Log the settings to the trackers; the run directory has them in config.yaml, and TensorBoard gets its own."""
    for logger in trainer.loggers:
        if not isinstance(logger, CSVLogger | TensorBoardLogger):
            logger.log_hyperparams(settings(config))


def tracker_ids(trainer: L.Trainer) -> dict[str, str]:
    """Ids of this run in the trackers, with which it is continued there."""
    known = {WandbLogger: "version", MLFlowLogger: "run_id"}
    pairs = [
        (kind.__name__, getattr(log, of)) for log in trainer.loggers for kind, of in known.items() if type(log) is kind
    ]
    return {name: str(value) for name, value in pairs if value}


def with_tracker_ids(config: Config, names: Mapping[str, str]) -> Config:
    """Config whose trackers continue the runs of these ids."""
    loggers = dict(config.get("logger") or {})
    for key, node in loggers.items():
        kind = str((node or {}).get("_target_")).rpartition(".")[2]
        if kind == "WandbLogger" and kind in names:
            loggers[key] = {**node, "id": names[kind], "resume": "allow"}
        if kind == "MLFlowLogger" and kind in names:
            loggers[key] = {**node, "run_id": names[kind]}
    return {**config, "logger": loggers or None}


def settings(config: Config) -> dict[str, Any]:
    """Settings that determine a run, flat: `optimizer` is Adam, `optimizer/lr` is 0.001."""
    return {name: value for section in SECTIONS for name, value in _flat(section, config.get(section))}


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        if key == "_target_":
            yield name, inner.rpartition(".")[2]
        elif not key.startswith("_"):
            yield from _flat(f"{name}/{key}", inner)
