"""Checks of a run against its data, network and Trainer before its directory is created.

Checks that need the settings only are in `leyden.config`, without torch.
"""

import copy
import logging
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
import torch

from leyden.callbacks.compilation import check_compiler
from leyden.config.experiment import Config, Experiment
from leyden.config.monitored_metrics import other_metric, watched
from leyden.data.batches import map_tensors
from leyden.data.loader import Loader
from leyden.data.module import DataModule
from leyden.distributed.launcher import check_launcher
from leyden.system.errors import UserError
from leyden.system.lightning_internals import ddp_in_notebooks
from leyden.system.suggestions import did_you_mean
from leyden.tasks.duration import duration
from leyden.tasks.optimizers import BATCH_NORMS
from leyden.tasks.sparse_gradients import check_gradients
from leyden.tasks.task import Task
from leyden.training.build import build_trainer
from leyden.training.trial import logs_itself, try_batch

log = logging.getLogger(__name__)

# What can be monitored in any run.
_ALWAYS = ("epoch", "step", "train/loss_step")
_ACCUMULATION = "GradientAccumulationScheduler"
_ONE_VALUE = "Expected more than 1 value"  # what torch says of normalisation over a single value


def check_feasible(experiment: Experiment, task: Task, datamodule: DataModule) -> None:
    """Refuse a training that would end in an error of Lightning or torch, or never measure its monitored metric.

    Args:
        experiment: of the run.
        task: built, with the network to be trained.
        datamodule: prepared and set up for training.

    Raises:
        UserError: the first thing that cannot be done, with a setting that can.
    """
    config = experiment.config
    try_batch(task, datamodule)
    _check_measured(config, task)
    trainer = trial_trainer(config)
    check_launcher(trainer)
    if config.get("compile"):
        check_compiler(trainer.strategy.root_device)
    clips_values = bool(trainer.gradient_clip_val) and trainer.gradient_clip_algorithm == "value"
    for factory, part in task.trained_parts.values():
        check_gradients(factory, part, clips_values)
    _check_manual(task, trainer)
    _check_scheduler(task, trainer)
    splits = _splits(datamodule, trainer, test=config["test"] and _is_share(trainer.limit_test_batches))
    train = splits[0]
    for split in splits:
        _check_share(split, trainer)
    _check_batch_of_one(config, task, train, trainer)
    if train.used is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
        _warn_of_warmup(task, trainer, train.used)
        _check_validation(experiment, trainer, train.used)


def trial_trainer(config: Config) -> L.Trainer:
    """Trainer with the settings of a run, for checks only: its callbacks are those that determine the length.

    Raises:
        UserError: Lightning refuses the settings.
    """
    callbacks = config.get("callbacks") or {}
    planned = {name: node for name, node in callbacks.items() if node and node["_target_"].endswith(_ACCUMULATION)}
    trainer = {**config["trainer"], "enable_checkpointing": False, "enable_progress_bar": False}
    with ddp_in_notebooks():
        return build_trainer({**config, "trainer": trainer, "callbacks": planned, "logger": None})


def _check_measured(config: Config, task: Task) -> None:
    """Refuse unknown metrics of schedulers and callbacks, unless the task overrides hooks, where it may log more."""
    if logs_itself(task):
        return
    known = (*task.metric_names, *_ALWAYS)
    for setting, _, metric, _ in watched(config):
        if metric not in known:
            raise UserError(f"{setting}={metric}: is not measured" + did_you_mean(metric, task.metric_names))
    for name, node in (config.get("callbacks") or {}).items():
        pattern = (node or {}).get("filename")
        for metric in re.findall(r"\{([^:}]*)", pattern) if isinstance(pattern, str) else ():
            if metric not in known:
                unknown = f"callbacks.{name}.filename={pattern}: {metric} is not measured"
                raise UserError(unknown + did_you_mean(metric, task.metric_names))


def check_limit(trainer: L.Trainer, loader: Any) -> None:
    """Refuse, with a UserError, a limit that leaves no batch to evaluate."""
    split = _Split("test", loader, trainer)
    _check_share(split, trainer)
    if split.batches and not split.used:
        raise UserError("trainer.limit_test_batches=0: nothing would be measured; give trainer.limit_test_batches=1.0")


class _Split:
    """Batches of a split that one process has in an epoch.

    Attributes:
        name: train, val or test.
        items: of this process; None if it is not known.
        batch_size: None if it is not known.
        drops_last: true if an incomplete last batch is dropped.
        batches: number of batches; None if it is not known.
        used: number of batches that the Trainer uses.
    """

    def __init__(self, name: str, loader: Any, trainer: L.Trainer) -> None:
        self.name = name
        processes = trainer.world_size
        if isinstance(loader, Loader):
            self.items: int | None = loader.items
            self.batch_size: int | None = loader.batch_size
            self.drops_last = loader.joins_last  # then none is smaller than the others
            self.batches: int | None = len(loader)
        else:
            self.batch_size, self.drops_last = getattr(loader, "batch_size", None), getattr(loader, "drop_last", False)
            try:
                self.items = math.ceil(len(loader.dataset) / processes)
                self.batches = math.ceil(len(loader) / processes)
            except (TypeError, AttributeError, NotImplementedError):  # a stream
                self.items = self.batches = None
        self.limit = getattr(trainer, f"limit_{name}_batches")
        self.used = self.batches
        if self.batches is not None:
            is_share = isinstance(self.limit, float)
            self.used = int(self.batches * self.limit) if is_share else min(self.batches, self.limit)

    @property
    def smallest(self) -> int | None:
        """Items of the smallest batch that is used; None if it is not known."""
        if not self.items or not self.batch_size:
            return None
        rest = self.items % self.batch_size
        takes_rest = rest and not self.drops_last and self.used == self.batches
        return rest if takes_rest else min(self.items, self.batch_size)


def _splits(datamodule: DataModule, trainer: L.Trainer, test: bool) -> list[_Split]:
    """Splits of this Trainer, train first."""
    datamodule.trainer = trainer  # which determines processes and order
    try:
        loaders = {"train": datamodule.train_dataloader(), "val": datamodule.val_dataloader()}
        if test:
            datamodule.setup("test")
            loaders["test"] = datamodule.test_dataloader()
    finally:
        datamodule.trainer = None
    for name, found in loaders.items():
        if name != "train" and (number := len(_listed(found))) > 1:
            raise UserError(
                f"data: {name}_dataloader returns {number} loaders, and one is measured; join their data sets by "
                "torch.utils.data.ConcatDataset"
            )
    return [_Split(name, loader, trainer) for name, found in loaders.items() for loader in _listed(found)]


def _check_share(split: _Split, trainer: L.Trainer) -> None:
    if split.batches and not split.used and _is_share(split.limit):
        overfits = bool(trainer.overfit_batches) and split.name != "test"  # type: ignore[attr-defined]
        setting = "trainer.overfit_batches" if overfits else f"trainer.limit_{split.name}_batches"
        there_are = "there is 1 batch" if split.batches == 1 else f"there are {split.batches} batches"
        raise UserError(
            f"{setting}={split.limit}: is less than one batch, as {there_are} for {split.name}; give {setting}=1, "
            "a number of batches"
        )


def _check_batch_of_one(config: Config, task: Task, train: _Split, trainer: L.Trainer) -> None:
    """Refuse a batch of one item if the network normalises over a batch; images have positions to normalise over."""
    if train.smallest != 1 or config["trainer"].get("sync_batchnorm") or _trains_on_one(task):
        return
    items, size = train.items or 1, train.batch_size or 1
    per = " in each process" if trainer.world_size > 1 else ""
    if items == 1:
        train_size = config["data"].get("train_size")
        what, remedy = (
            f"data{'' if train_size is None else f'.train_size={train_size}'}: is one item to train on{per}",
            f"give data.train_size={2 * trainer.world_size}",
        )
    else:
        better = next(number for number in range(size + 1, items + 2) if items % number != 1)
        what, remedy = f"data.batch_size={size}: has a batch of one item{per}", f"give data.batch_size={better}"
    if config["model"].get("batch_norm"):
        remedy += ", or model.batch_norm=false"
    raise UserError(f"{what}, on which BatchNorm cannot train; {remedy}")


def _trains_on_one(task: Task) -> bool:
    """True if the network can be trained on a batch of one item."""
    example = task.example_inputs()
    if example is None or not any(isinstance(layer, BATCH_NORMS) for layer in task.network.modules()):
        return True
    network, task.network = task.network, copy.deepcopy(task.network).train()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            task.outputs(map_tensors(lambda part: part[:1], example))
        except ValueError as error:
            if _ONE_VALUE in str(error):
                return False
            raise
        finally:
            task.network = network
    return True


def _check_scheduler(task: Task, trainer: L.Trainer) -> None:
    """Refuse invalid settings of schedulers: make them for a run of any length."""
    endless = trainer.max_epochs == -1 and trainer.max_steps == -1
    try:
        task.check_schedulers(*([math.inf] * 2 if endless else [1000.0, 100.0]))
    except (ValueError, TypeError) as error:
        raise UserError(f"scheduler: {' '.join(str(error).split())}") from error


def _warn_of_warmup(task: Task, trainer: L.Trainer, batches: int) -> None:
    steps = duration(trainer, batches).steps
    for make in task.schedules.values():
        if make.warmup_steps(steps) >= steps:
            log.warning("scheduler.warmup=%g: the run ends after %g steps, before the warm-up does", make.warmup, steps)


def _check_manual(task: Task, trainer: L.Trainer) -> None:
    """Refuse settings for steps that Lightning makes, in a task that makes its own."""
    if task.automatic_optimization:
        return
    own = f"{type(task).__name__} makes its own steps"
    if trainer.gradient_clip_val:
        remedy = "leave it out, and give clip_norm to self.optimize in the task"
        raise UserError(f"trainer.gradient_clip_val={trainer.gradient_clip_val}: {own}; {remedy}")
    if trainer.accumulate_grad_batches != 1:
        every = trainer.accumulate_grad_batches
        raise UserError(
            f"trainer.accumulate_grad_batches={every}: {own}; leave it out, and set a larger data.batch_size"
        )


def _check_validation(experiment: Experiment, trainer: L.Trainer, batches: int) -> None:
    """Refuse a run that ends before its first validation, on which its monitored metrics depend."""
    if not batches or isinstance(experiment.config["trainer"].get("val_check_interval"), str | Mapping):  # a time
        return
    every, interval = trainer.check_val_every_n_epoch, trainer.val_check_interval
    within = interval if isinstance(interval, int) else max(1, int(batches * interval))
    if every is not None and within > batches and trainer.limit_val_batches:
        raise UserError(
            f"trainer.val_check_interval={interval}: an epoch has {batches} batches; give at most as many, or add "
            "trainer.check_val_every_n_epoch=null to count over epochs"
        )
    first = within if every is None else (every - 1) * batches + within
    total = duration(trainer, batches).batches
    if total >= first and trainer.limit_val_batches:
        return
    for setting, remedy, metric in _watched(experiment):
        if not metric.startswith("val/"):
            continue
        if not trainer.limit_val_batches:
            raise UserError(f"{setting}: there is no validation with trainer.limit_val_batches=0; {remedy}")
        raise UserError(
            f"{setting}: the run ends after {total:g} batches, and the first validation is after {first}; add "
            f"trainer.val_check_interval={total:g} trainer.check_val_every_n_epoch=null"
        )


def _watched(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Metrics that a run depends on: setting with its value, remedy, and metric."""
    for setting, mode_setting, metric, _ in watched(experiment.config):
        yield f"{setting}={metric}", other_metric(setting, mode_setting), metric
    for metric in experiment.objectives:
        yield f"sweep.objectives.{metric}", "choose a metric of the training", metric


def _is_share(limit: Any) -> bool:
    return isinstance(limit, float) and 0 < limit < 1


def _listed(loaders: Any) -> list[Any]:
    return list(loaders) if isinstance(loaders, list | tuple) else [loaders]
