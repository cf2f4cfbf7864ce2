"""One training run, top to bottom."""

import logging

import lightning.pytorch as pl
import torch

from leyden.build import build_data, build_task, build_trainer
from leyden.callbacks.best import best_checkpoint
from leyden.config import Experiment
from leyden.data.module import DataModule
from leyden.features import cache_features
from leyden.run import Run
from leyden.tasks.task import Task
from leyden.trackers import log_result, log_settings

log = logging.getLogger(__name__)


def run_experiment(experiment: Experiment) -> float | None:
    """Build what the config describes, train and test it, and keep everything in a run directory.

    Returns:
        The metric that the config monitors, of the best epoch: what a sweep makes as good as it can.
    """
    config = experiment.config
    torch.set_float32_matmul_precision(config["matmul_precision"])
    datamodule = build_data(config)
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    task = build_task(config, datamodule.spec)

    with Run(experiment) as run:
        log.info("experiment: %s, in %s", experiment.name, run.dir)
        trainer = build_trainer(config)
        log_settings(trainer, config)
        if config["cache_features"]:
            datamodule = cache_features(datamodule, task, trainer)
        metrics = train(trainer, task, datamodule, test=config["test"])
        log_result(trainer, config, metrics)
        run.finish(metrics)
        log.info("kept in %s", run.dir)

    monitor = config["monitor"]
    return metrics.get(f"best/{monitor}", metrics.get(monitor))


def train(trainer: pl.Trainer, task: Task, datamodule: DataModule, test: bool = True) -> dict[str, float]:
    """Fit, then test the best weights.

    Returns:
        The metrics of the last epoch (`train/…`, `val/…`), the monitored one of the best epoch (`best/…`) and those of
        the test (`test/…`).
    """
    log.info("data: %s", datamodule.describe())
    log.info("network: %s on %s", task.describe(), trainer.strategy.root_device)
    trainer.fit(task, datamodule=datamodule)
    metrics = _epoch_metrics(trainer)
    best = best_checkpoint(trainer)
    if best and best.best_model_score is not None:
        metrics[f"best/{best.monitor}"] = best.best_model_score.item()
    if test:
        weights = best.best_model_path if best else None
        trainer.test(task, datamodule=datamodule, ckpt_path=weights or None, weights_only=True, verbose=False)
        metrics |= _epoch_metrics(trainer)
    return metrics


def _epoch_metrics(trainer: pl.Trainer) -> dict[str, float]:
    """What was measured over whole epochs, without what was logged step by step."""
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return {name: value for name, value in metrics.items() if "/" in name and not name.endswith("_step")}
