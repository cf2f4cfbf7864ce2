"""Evaluation of an existing run."""

import logging
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from typing import Any

import lightning as L
import rich
import torch
from rich.table import Table

from leyden.callbacks.evaluation_plots import EvaluationPlots
from leyden.callbacks.progress import Progress
from leyden.config.experiment import Config, Recorded
from leyden.data.in_memory import InMemory
from leyden.data.module import DataModule
from leyden.data.recorded_split import NEW
from leyden.plots.plot import PLOTS, read_captions
from leyden.records.record import CHECKPOINTS, RECORD, lock, read_record, write_record
from leyden.run.record_updater import logged_metrics
from leyden.run.split_record import warn_of_trained
from leyden.system.errors import UserError
from leyden.system.locks import is_live
from leyden.system.processes import rank
from leyden.tasks.task import Task
from leyden.training.build import build_trainer
from leyden.training.feasibility import check_limit
from leyden.training.loaded_run import OF_SPLITS, LoadedRun, load_recorded

log = logging.getLogger(__name__)
SPLITS = ("test", "val", "train", NEW)
_OF_DEVICES = ("accelerator", "precision", "deterministic", "limit_test_batches")


def evaluate_run(recorded: Recorded, settings: Mapping[str, Any]) -> dict[str, float]:
    """Evaluate the network of a run on a split of its data, and record the result.

    Args:
        recorded: the run, and settings that were typed.
        settings: of configs/eval.yaml.

    Returns:
        Metrics, named like `test/acc`.
    """
    split = settings["split"]
    if split not in SPLITS:
        raise UserError(f"split={split}: must be one of {', '.join(SPLITS)}{_split(split)}")
    run, trainer = open_run(recorded, str(settings["ckpt"]))
    plots = _plots(recorded, run, split)
    trainer.callbacks += plots  # type: ignore[attr-defined]
    run.datamodule.setup("test")
    trained = warn_of_trained(run.datamodule, [split], run.trained_on)
    metrics = evaluate(trainer, run.task, run.datamodule, split)
    if rank() == 0:
        _show(metrics, recorded, run, split)
        for callback in plots:
            if read_captions(callback.dirpath):
                log.info("figures: %s", callback.dirpath)
        _keep(metrics, recorded, run, split, trained)
    return metrics


def open_run(recorded: Recorded, ckpt: str) -> tuple[LoadedRun, L.Trainer]:
    """Run with the weights of a checkpoint, and a Trainer to use it: for evaluation and prediction."""
    torch.set_float32_matmul_precision(recorded.config["matmul_precision"])
    run = load_recorded(recorded.dir, recorded.config, ckpt)
    log.info("run: %s", run.describe())
    return run, evaluation_trainer(recorded.config)


def _plots(recorded: Recorded, run: LoadedRun, split: str) -> list[EvaluationPlots]:
    """Callback that draws the figures of an evaluation in a folder of its own, if the run draws those of its test."""
    kind = f"{EvaluationPlots.__module__}.{EvaluationPlots.__qualname__}"
    nodes = (recorded.config.get("callbacks") or {}).values()
    settings = [node for node in nodes if isinstance(node, Mapping) and node.get("_target_") == kind]
    folder = run.dir / PLOTS / f"eval_{split}_{run.checkpoint.stem}"
    found = [EvaluationPlots(str(folder), int(node.get("shown", 20))) for node in settings[:1]]
    for callback in found:
        callback.split, callback.datamodule = split, run.datamodule
    return found


def _split(word: object) -> str:
    """Remedy for a word such as `validation`."""
    meant = {"v": "val", "d": "val", "t": "test"}.get(str(word)[:1].lower(), "")
    meant = "train" if str(word).lower().startswith("tr") else meant
    return f"; write split={meant}" if meant else ""


def evaluate(trainer: L.Trainer, task: Task, datamodule: DataModule, split: str = "test") -> dict[str, float]:
    """Evaluate a task on a split of the data.

    Returns:
        Metrics, named by the split: `val/acc`.

    Raises:
        UserError: the split is empty.
    """
    log.info("data: %s", datamodule.describe())
    datamodule.trainer = trainer
    datamodule.setup("test")
    loader = _as_tested(datamodule, split)
    if not len(loader):
        new = len(datamodule.items.get(NEW, ()))
        remedy = f"; give split={NEW} for the items that the run did not have" if new else ""
        raise UserError(f"split={split}: is empty in these data; there are {datamodule.describe()}{remedy}")
    check_limit(trainer, loader)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Progress):
            callback.tested, callback.logs_test = split, False  # a table follows
    trainer.test(task, dataloaders=loader, verbose=False)
    return {name.replace("test/", f"{split}/"): value for name, value in logged_metrics(trainer).items()}


def _as_tested(datamodule: DataModule, split: str) -> Any:
    """Batches of a split as in a test: in order, without augmentation."""
    if split == NEW and datamodule.recorded is None:
        raise UserError(f"split={NEW}: the run has no record of its items; give split=test, val or train")
    if split == NEW and NEW not in datamodule.items:
        raise UserError(f"split={NEW}: the run had all of these data; there are {datamodule.describe()}")
    if isinstance(datamodule, InMemory):
        datamodule = copy(datamodule)
        datamodule.splits, split = {"test": datamodule.splits[split]}, "test"
    order = datamodule.order(split)
    order["shuffle"] = False
    return datamodule.loader(split, **order)


def evaluation_trainer(config: Config) -> L.Trainer:
    """Trainer on one device of the run, with its precision and limits, without loggers and checkpoints.

    Metrics do not depend on the number of processes, so that one is enough.
    """
    trainer = {name: value for name, value in config["trainer"].items() if name in _OF_DEVICES and _is_plain(value)}
    progress = (config.get("callbacks") or {}).get("progress") or {}
    metrics = {name: value for name, value in progress.items() if name == "metrics" and _is_plain(value)}
    shown = {"progress": {"_target_": "leyden.callbacks.progress.Progress", **metrics}}
    settings = {"_target_": "lightning.pytorch.Trainer", "enable_model_summary": False, **trainer}
    devices = config["trainer"].get("devices")
    settings["devices"] = devices[:1] if isinstance(devices, list) and devices else 1
    return build_trainer({**config, "trainer": settings, "callbacks": shown, "logger": None})


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping) and not (
        isinstance(value, list) and any(isinstance(v, Mapping) for v in value)
    )


def _show(metrics: Mapping[str, float], recorded: Recorded, run: LoadedRun, split: str) -> None:
    data, before = recorded.config["data"], recorded.before["data"]
    divided = [name for name in OF_SPLITS if data.get(name) != before.get(name)]
    table = Table(f"{split}, {run.checkpoint.name}", "", "in training", box=rich.box.SIMPLE_HEAD)
    for name, value in metrics.items():
        known = _in_training(run, name) if run.is_own and not divided else None
        table.add_row(name, f"{value:.4f}", "" if known is None else f"{known:.4f}")
    rich.print(table)


def _in_training(run: LoadedRun, name: str) -> float | None:
    """Value that the run had measured of these weights, if any: it tests the best weights, not the last."""
    split, is_last = name.partition("/")[0], run.checkpoint.name == "last.ckpt"
    if split == "val" and (run.is_best or is_last):
        return run.metrics.get(f"best/{name}" if run.is_best else name)
    return run.metrics.get(name) if split == "test" and run.is_best else None


def _keep(metrics: Mapping[str, float], recorded: Recorded, run: LoadedRun, split: str, trained: int | None) -> None:
    """Add the result to run.json, with the number of items that the network was trained on; null if not known."""
    if is_live(run.dir):
        log.warning("%s: is still written by the run itself; the result is not kept in its record", run.dir)
        return
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "split": split,
        "trained_on": trained,
        "checkpoint": str(run.checkpoint.relative_to(run.dir / CHECKPOINTS) if run.is_own else run.checkpoint),
        "epochs": run.epochs,
        "overrides": recorded.typed,
        "metrics": dict(metrics),
    }
    try:
        with lock(run.dir):
            record = read_record(run.dir)
            write_record(run.dir, {**record, "evaluations": [*record.get("evaluations", []), entry]})
        log.info("added to %s", run.dir / RECORD)
    except (OSError, UserError) as error:
        log.warning("the result is not kept in the run's record: %s", error)
