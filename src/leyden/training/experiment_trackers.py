"""Settings and result of a run in experiment trackers such as TensorBoard, W&B and MLflow."""

from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger

from leyden.config.experiment import Config

SECTIONS = ("data", "model", "task", "optimizer", "scheduler", "trainer", "seed")


def log_settings(trainer: L.Trainer, config: Config) -> None:
    """Log the settings to the trackers; the run directory has them in config.yaml."""
    for logger in trainer.loggers:
        if not isinstance(logger, CSVLogger | TensorBoardLogger):
            logger.log_hyperparams(settings(config))


def log_result(trainer: L.Trainer, config: Config, metrics: Mapping[str, float]) -> None:
    """Log settings and result to TensorBoard's HPARAMS page, which needs both together."""
    result = {f"result/{name}": value for name, value in metrics.items() if name.startswith(("best/", "test/"))}
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger) and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            logger.log_hyperparams(settings(config), result)
            logger.finalize("success")


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
