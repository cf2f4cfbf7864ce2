"""Training run from start to end."""

import logging
import math
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from leyden.callbacks.best import best_checkpoint, best_score
from leyden.callbacks.compilation import Compile
from leyden.callbacks.evaluation_plots import EvaluationPlots
from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.tested_weights import TestedWeights
from leyden.checkpoints import trust
from leyden.checkpoints.files import read_checkpoint, recorded_spec
from leyden.checkpoints.restore import load_state, restore_spec
from leyden.checkpoints.weights import load_initial
from leyden.config.experiment import Experiment
from leyden.config.initial_weights import initial_path
from leyden.data.batches import description
from leyden.data.module import DataModule
from leyden.data.tables.coefficients import COEFFICIENTS, coefficients_of
from leyden.distributed.launcher import launch_ranks
from leyden.plots.plot import errors_logged
from leyden.records.record import RECORD, has_checkpoint, read_record
from leyden.run.directory import Run
from leyden.run.record_updater import RecordUpdater, logged_metrics
from leyden.run.split_record import (
    check_description,
    check_unchanged,
    read_split,
    report_changes,
    warn_of_repeated,
    warn_of_source,
)
from leyden.studies.pruning import Pruning, is_pruned
from leyden.system.atomic_files import write_text
from leyden.system.console import log_line
from leyden.system.errors import UserError
from leyden.system.lightning_internals import ddp_in_notebooks
from leyden.system.processes import rank
from leyden.system.suggestions import did_you_mean
from leyden.system.user_code import user_code_explained
from leyden.tasks.task import Task
from leyden.training.announcements import announce_result, announce_run
from leyden.training.build import build_data, build_task, build_trainer, untrained_copy
from leyden.training.experiment_trackers import log_settings, tracker_ids, with_tracker_ids
from leyden.training.feasibility import check_feasible
from leyden.training.frozen_features import cache_features
from leyden.training.tensorboard_summaries import log_result, log_start

log = logging.getLogger(__name__)


def run_experiment(experiment: Experiment) -> float | None:
    """Train and test the task of an experiment in a run directory.

    A resumed run continues from its last checkpoint; a finished one returns its recorded result.

    Returns:
        Monitored metric of the best epoch: the objective of a sweep.
    """
    config, monitor = experiment.config, experiment.config["monitor"]
    if experiment.resumes and (metrics := _result(experiment)) is not None:
        log.info("%s: is finished; to continue, give more, such as trainer.max_epochs=…", experiment.run_dir)
        return _monitored(metrics, monitor)

    log_dir = Path(config["paths"]["log_dir"])
    with user_code_explained(log_dir, description):
        datamodule, task = _prepared(experiment)
    with Run(experiment) as run, user_code_explained(log_dir, description, run.log):
        checkpoint = run.checkpoint_to_resume() if experiment.resumes else None
        with ddp_in_notebooks():
            more: list[L.Callback] = [Pruning(experiment.trial)] if experiment.trial else []
            more += [Compile()] if config.get("compile") else []
            trainer = build_trainer(with_tracker_ids(config, run.tracker_ids), *more, RecordUpdater(run))
        announce_run(experiment, run.dir)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, LastCheckpoint):
                callback.shutdown = run.shutdown
        run.set_data(datamodule)
        log_settings(trainer, config)
        log_start(trainer, experiment, task, run.command, datamodule.describe())
        run.tracker_ids = tracker_ids(trainer)
        if config["cache_features"]:
            datamodule = cache_features(datamodule, task, trainer)
        with launch_ranks(trainer, experiment):
            metrics = train(trainer, task, datamodule, checkpoint, test=config["test"])
            log_result(trainer, metrics)
        if run.writes:
            _keep_coefficients(trainer, task, run.dir)
        run.finish(metrics, "pruned" if is_pruned(trainer) else "finished")
        events = any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)
        announce_result(run.dir, log_dir, run.epochs, run.seconds, events)
    return _monitored(metrics, monitor)


def _prepared(experiment: Experiment) -> tuple[DataModule, Task]:
    """Data and task of an experiment, checked; nothing is written."""
    config = experiment.config
    _check_trust(experiment)
    torch.set_float32_matmul_precision(config["matmul_precision"])
    has_weights = experiment.resumes and has_checkpoint(experiment.run_dir)
    datamodule = _data(experiment, has_weights)
    L.seed_everything(config["seed"], workers=True, verbose=False)
    task = build_task(config, datamodule.spec, load=not has_weights)
    if config["init_from"] and not has_weights and rank() == 0:  # which sends them to the other processes
        load_initial(task.network, config["init_from"])
    _check_objectives(experiment, task)
    check_feasible(experiment, task, datamodule)
    return datamodule, task


def train(
    trainer: L.Trainer, task: Task, datamodule: DataModule, checkpoint: Path | None = None, test: bool = True
) -> dict[str, float]:
    """Fit, then test the best weights, unless the run was pruned.

    Args:
        trainer: with its callbacks and loggers.
        task: to train.
        datamodule: with the data.
        checkpoint: from which training resumes; None to begin.
        test: false to skip the test.

    Returns:
        Metrics of the last epoch (`train/…`, `val/…`), the monitored one of the best epoch (`best/…`) and those of
        the test (`test/…`).
    """
    data = f"data: {datamodule.describe()}"
    log_line(log, data, data.partition(";")[0])
    many = f", {trainer.world_size} processes" if trainer.world_size > 1 else ""
    log_line(log, f"network: {task.describe()} on {trainer.strategy.root_device}{many}")
    trainer.fit(task, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
    metrics = logged_metrics(trainer) | best_score(trainer)
    if test and not is_pruned(trainer):
        test_best(trainer, task, datamodule)
        metrics |= logged_metrics(trainer)
    elif not is_pruned(trainer):
        _draw_validation(trainer, task, datamodule)
    return metrics


def test_best(trainer: L.Trainer, task: Task, datamodule: DataModule) -> None:
    """Test the weights of the best checkpoint, or the last weights if no best ones are kept.

    As in eval.py, they are tested in a new network, which no callback of the training has changed. Afterwards `task`
    has them too, unless a strategy has sharded its weights.
    """
    best = best_checkpoint(trainer)
    if best is None or not best.best_model_path:
        if best is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            log.warning("no best weights were saved; the last ones are tested")
        trainer.test(task, datamodule=datamodule, verbose=False)
        return
    tested, weights = _with_weights(task, Path(best.best_model_path))
    served = TestedWeights(weights)
    trainer.callbacks.append(served)  # type: ignore[attr-defined]  # last, after the hooks of the others
    try:
        trainer.test(tested, datamodule=datamodule, verbose=False)
    finally:
        trainer.callbacks.remove(served)  # type: ignore[attr-defined]
    if tested is not task and task.state_dict().keys() == weights.keys():
        load_state(task, weights, best.best_model_path)


def _keep_coefficients(trainer: L.Trainer, task: Task, run_dir: Path) -> None:
    """Write and log the coefficients of the best weights of a linear model of a table."""
    best = best_checkpoint(trainer)
    if coefficients_of(task.network, task.spec) is None:
        return
    if best is not None and best.best_model_path and task.settings:
        task, _ = _with_weights(task, Path(best.best_model_path))
    if found := coefficients_of(task.network, task.spec):
        write_text(run_dir / COEFFICIENTS, found.table().write_csv())
        terms = range(4, 0, -1)
        lines = [f"coefficients: {found.describe(most)}; all are in {COEFFICIENTS}" for most in terms]
        log_line(log, *lines, f"coefficients: {COEFFICIENTS}")


def _with_weights(task: Task, checkpoint: Path) -> tuple[Task, dict[str, Tensor]]:
    """Copy of a task with the weights of a checkpoint, and these weights."""
    weights: dict[str, Tensor] = read_checkpoint(checkpoint)["state_dict"]
    copy = untrained_copy(task) if task.settings else task  # a task built without a config has none
    load_state(copy, weights, str(checkpoint))
    return copy, weights


def _draw_validation(trainer: L.Trainer, task: Task, datamodule: DataModule) -> None:
    """Draw the figures of the best weights for the validation split, where no test draws its own."""
    best = best_checkpoint(trainer)
    plots = [found for found in trainer.callbacks if isinstance(found, EvaluationPlots)]  # type: ignore[attr-defined]
    if not plots or best is None or not best.best_model_path or trainer.world_size > 1 or not task.settings:
        return
    with errors_logged():
        drawn, _ = _with_weights(task, Path(best.best_model_path))
        most = sum(trainer.num_val_batches)
        for callback in plots:
            loader = datamodule.loader("val", **datamodule.order("val"))
            batches = islice(loader, None if math.isinf(most) else int(most))
            callback.draw(trainer, drawn, batches, "val")


def _data(experiment: Experiment, has_weights: bool) -> DataModule:
    """Data of a run; for a resumed run those that it began with, without files added since."""
    values = recorded_spec(experiment.run_dir) if has_weights else None
    before = restore_spec(values, f"resume={experiment.run_dir}") if values else None
    recorded = read_split(experiment.run_dir) if experiment.resumes else None
    if recorded:
        datamodule = build_data(experiment.config, before, recorded)
        check_unchanged(datamodule, experiment.run_dir)
        report_changes(datamodule, experiment.run_dir)
    else:  # also a run of an older version, which is refused if its spec does not match
        datamodule = build_data(experiment.config, class_order=before.class_names if before else ())
        if has_weights and not datamodule.items:
            check_description(datamodule, experiment.run_dir, experiment.config["data"])
    warn_of_repeated(datamodule)
    if path := initial_path(experiment.config["init_from"]):
        warn_of_source(datamodule, Path(path))
    return datamodule


def _check_trust(experiment: Experiment) -> None:
    """Refuse a recorded config that names an untrusted class, and warn of one that will be recorded."""
    for name, node in experiment.config.items():
        try:
            trust.check(node, name)
        except UserError as error:
            if experiment.recorded:
                raise
            log.warning("resuming or evaluating this run will be refused: %s", error)


def _check_objectives(experiment: Experiment, task: Task) -> None:
    known = [*task.metric_names, "seconds", "epochs", "steps"]
    for name in experiment.objectives:
        if name not in known:
            raise UserError(f"sweep.objectives.{name}: is not measured" + did_you_mean(name, known))


def _result(experiment: Experiment) -> dict[str, float] | None:
    """Metrics of a finished run whose settings have not changed; None of another."""
    if experiment.changed or not (experiment.run_dir / RECORD).is_file():
        return None
    record = read_record(experiment.run_dir)
    return dict(record["metrics"]) if record.get("status") == "finished" else None


def _monitored(metrics: Mapping[str, float], monitor: str) -> float | None:
    return metrics.get(f"best/{monitor}", metrics.get(monitor))
