"""Measure a run that there is already, top to bottom."""

import logging
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from typing import Any

import lightning.pytorch as pl
import rich
import torch
from rich.table import Table

from leyden import trust
from leyden.build import build_trainer
from leyden.callbacks.progress import Progress
from leyden.config.recorded import Config, Recorded
from leyden.data.loader import Loader
from leyden.data.memory import InMemory
from leyden.data.module import DataModule
from leyden.errors import UserError
from leyden.record import is_live, lock, read_record, write_record
from leyden.run.loaded import LoadedRun, load_recorded
from leyden.run.recorder import epoch_metrics
from leyden.tasks.task import Task

log = logging.getLogger(__name__)
SPLITS = ("test", "val", "train")


def evaluate_run(recorded: Recorded, settings: Mapping[str, Any]) -> dict[str, float]:
    """Rebuild a run's model and data from its directory, and measure one on the other.

    Args:
        recorded: the run, with what was typed on top of its config.
        settings: of configs/eval.yaml.

    Returns:
        What was measured, named like `test/acc`.
    """
    split = settings["split"]
    if split not in SPLITS:
        raise UserError(f"split={split}: must be one of {', '.join(SPLITS)}")
    torch.set_float32_matmul_precision(recorded.config["matmul_precision"])
    run = load_recorded(recorded.dir, recorded.config, str(settings["ckpt"]))
    log.info("run: %s", run.describe())
    metrics = evaluate(evaluation_trainer(recorded.config), run.task, run.datamodule, split)
    _show(metrics, run, split)
    _keep(metrics, recorded, run, split)
    return metrics


def evaluate(trainer: pl.Trainer, task: Task, datamodule: DataModule, split: str = "test") -> dict[str, float]:
    """Measure a task on one split of the data.

    Returns:
        The metrics, named by the split: `val/acc`.

    Raises:
        UserError: the split is empty.
    """
    log.info("data: %s", datamodule.describe())
    datamodule.trainer = trainer
    datamodule.setup("test")
    loader = _as_tested(datamodule, split)
    if not len(loader):
        raise UserError(f"split={split}: is empty in these data; there are {datamodule.describe()}")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Progress):
            callback.tested = split
    trainer.test(task, dataloaders=loader, verbose=False)
    return {name.replace("test/", f"{split}/"): value for name, value in epoch_metrics(trainer).items()}


def _as_tested(datamodule: DataModule, split: str) -> Loader:
    """The batches of a split, made as those of a test are: in order, without the random changes of training."""
    if isinstance(datamodule, InMemory):
        datamodule = copy(datamodule)
        datamodule.splits, split = {"test": datamodule.splits[split]}, "test"
    order = datamodule.order(split)
    order["shuffle"] = False
    return datamodule.loader(split, **order)


def evaluation_trainer(config: Config) -> pl.Trainer:
    """The run's Trainer, with its progress and without all that trains or writes."""
    callbacks = {name: node for name, node in (config.get("callbacks") or {}).items() if name == "progress"}
    trust.check(config["trainer"], "trainer", pl.Trainer)
    trust.check(callbacks, "callbacks")
    return build_trainer({**config, "callbacks": callbacks, "logger": None})


def _show(metrics: Mapping[str, float], run: LoadedRun, split: str) -> None:
    table = Table(f"{split}, {run.checkpoint.name}", "", "in training", box=rich.box.SIMPLE_HEAD)
    for name, value in metrics.items():
        before = _in_training(run, name)
        table.add_row(name, f"{value:.4f}", "" if before is None else f"{before:.4f}")
    rich.print(table)


def _in_training(run: LoadedRun, name: str) -> float | None:
    """What the run itself had measured of these weights; the last are not tested, the best validated in their epoch."""
    is_best, split = run.checkpoint.stem.startswith("best"), name.partition("/")[0]
    if split == "val":
        return run.metrics.get(f"best/{name}" if is_best else name)
    return run.metrics.get(name) if split == "test" and is_best else None


def _keep(metrics: Mapping[str, float], recorded: Recorded, run: LoadedRun, split: str) -> None:
    """Add the result to run.json."""
    if is_live(run.dir):
        log.warning("%s: is still written by the run itself; the result is not kept in its record", run.dir)
        return
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "split": split,
        "checkpoint": run.checkpoint.name,
        "overrides": recorded.typed,
        "metrics": dict(metrics),
    }
    try:
        with lock(run.dir):
            record = read_record(run.dir)
            write_record(run.dir, {**record, "evaluations": [*record.get("evaluations", []), entry]})
    except OSError as error:
        log.warning("%s: the result is not kept in its record (%s)", run.dir, error.strerror)
