"""Objects built from a validated config: data, network, task and Trainer."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import lightning as L
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator
from lightning.pytorch.callbacks import BatchSizeFinder, Checkpoint, LearningRateFinder, LearningRateMonitor
from torch import nn

from leyden.callbacks.averaging import check_averaging
from leyden.callbacks.last import LastCheckpoint
from leyden.callbacks.randomness import Randomness
from leyden.callbacks.swa import with_swa
from leyden.callbacks.unused_hooks import skip_unused_hooks
from leyden.checkpoints.files import DurableCheckpoints
from leyden.config.cross_checks import HALF_ON_CPU
from leyden.config.experiment import Config
from leyden.config.input_checks import refusal
from leyden.config.monitored_metrics import in_time
from leyden.config.sections import has_parts
from leyden.config.signature import signature_of
from leyden.data.batches import description
from leyden.data.module import DataModule
from leyden.data.plain import PlainData, as_datamodule
from leyden.data.recorded_split import RecordedSplit
from leyden.data.spec import DataSpec
from leyden.models.of_torch import settle
from leyden.models.torchvision_makers import check_maker
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.output_settings import with_settings
from leyden.tasks.schedulers import SchedulerFactory
from leyden.tasks.task import Task
from leyden.training.model_settings import complete_model, for_checkpoint
from leyden.training.trial import check_outputs, logs_itself


def build_data(
    config: Config,
    trained: DataSpec | None = None,
    recorded: RecordedSplit | None = None,
    class_order: tuple[str, ...] = (),
) -> DataModule:
    """Datamodule, downloaded and split.

    Args:
        config: of the run.
        trained: spec of the data that a network was trained on, which these data must match.
        recorded: split of a run that is resumed or evaluated; None to split the data.
        class_order: classes in the checkpoint of a run that is resumed.

    Raises:
        UserError: the data do not match, or there is nothing to validate on.
    """
    settings = dict(config["data"])
    takes_spec = (signature := signature_of(settings["_target_"])) is not None and "spec" in signature.parameters
    spec = None if takes_spec else settings.pop("spec", None)
    datamodule = as_datamodule(_build("data", settings), spec, config["seed"])
    datamodule.reference_spec, datamodule.recorded, datamodule.class_order = trained, recorded, class_order
    datamodule.target_kind = trained.task if trained else _task_class(config).TARGETS
    datamodule.prepare_data()
    datamodule.setup("fit")
    if trained:
        _check_alike(datamodule.spec, trained)
        return datamodule
    monitor = str(config["monitor"])
    if monitor.startswith("val/") and datamodule.val_dataloader() in (None, []):
        datamodule.teardown("fit")
        more = "" if isinstance(datamodule, PlainData) else "give data.val_size, or "
        raise UserError(f"monitor={monitor}: there is no validation set; {more}monitor=train/loss mode=min")
    return datamodule


def _check_alike(spec: DataSpec, trained: DataSpec) -> None:
    for what in ("task", "input_shape", "class_names", "target_names"):
        now, then = getattr(spec, what), getattr(trained, what)
        if now != then:
            raise UserError(f"data: {what} is {now}, and the network was trained on {then}; give data of the same kind")


def build_network(model: Mapping[str, Any], input_shape: Sequence[int] | None = None) -> nn.Module:
    """Network of complete settings.

    Args:
        model: with the facts about the data that the network asks for.
        input_shape: shape of one input, for lazy layers; by default the one in the settings, if there is one.

    Raises:
        UserError: the network refuses the settings or the input.
    """
    _check_input(model)
    network = _build("model", model)
    if not isinstance(network, nn.Module):
        raise UserError(
            f"model._target_={model['_target_']}: makes {description(network)}; it must return a torch.nn.Module"
        )
    shape = input_shape or model.get("input_shape")
    if shape is not None:
        settle(network, model, shape)
    return network


def _check_input(model: Mapping[str, Any]) -> None:
    """Refuse settings that the network's own `check_input` refuses; see `leyden.config.input_checks`."""
    try:
        network = get_object(model["_target_"])
    except Exception:  # not there, or its module fails: building it reports that
        return
    check_maker(network, model)
    check = getattr(network, "check_input", None)
    if check and (why := refusal(model["_target_"], check, model)):
        raise UserError(why)


def build_optimizer(config: Config) -> OptimizerFactory | dict[str, OptimizerFactory]:
    """Factory of the optimizer for a network; by name those for its parts, if the section has several."""
    found: OptimizerFactory | dict[str, OptimizerFactory] | None = _factories(config, "optimizer", OptimizerFactory)
    assert found is not None
    return found


def build_scheduler(config: Config) -> SchedulerFactory | dict[str, SchedulerFactory] | None:
    """Factory of the scheduler for an optimizer, or by name those for several; None for a constant learning rate."""
    found: SchedulerFactory | dict[str, SchedulerFactory] | None = _factories(config, "scheduler", SchedulerFactory)
    return found


def _factories(config: Config, path: str, factory: type) -> Any:
    section = config.get(path)
    if not section:
        return None
    if has_parts(section):
        return {name: _factory(f"{path}.{name}", node, factory) for name, node in section.items() if node}
    return _factory(path, section, factory)


def _factory(path: str, node: Mapping[str, Any], factory: type) -> Any:
    settings, arguments = _split(node, factory)
    return factory(_build(path, {**arguments, "_partial_": True}), **settings)


def build_task(config: Config, spec: DataSpec, load: bool = True) -> Task:
    """Task: a network with its loss, metrics, optimizer and scheduler.

    Args:
        config: of the run.
        spec: facts about the data.
        load: false if a checkpoint will be loaded, so that no pretrained weights are read.
    """
    task_class = _task_class(config)
    task_class.check(spec)
    model = complete_model(config["model"], spec, with_settings(task_class.output_size, spec, config["task"]))
    network = build_network(model if load else for_checkpoint(model), spec.input_shape)
    optimizer = build_optimizer(config)
    parts = {"network": network, "spec": spec, "optimizer": optimizer, "scheduler": build_scheduler(config)}
    task: Task = _build("task", config["task"], **parts)
    try:
        task.check_optimizers()  # an invalid setting is refused before a run directory is opened
    except (ValueError, TypeError) as error:
        raise UserError(f"optimizer: {error}") from error
    task.model, task.settings = for_checkpoint(model), dict(config["task"])
    check_outputs(task)
    monitor = config["monitor"]
    if monitor not in task.metric_names and not logs_itself(task):
        raise UserError(
            f"monitor={monitor}: is not measured"
            + did_you_mean(monitor, task.metric_names, lambda name: f"monitor={name}")
        )
    return task


def _task_class(config: Config) -> type[Task]:
    target = config["task"]["_target_"]
    found = _build("task", {"_target_": "hydra.utils.get_object", "path": target})
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise UserError(f"task._target_={target}: must be a class that extends leyden.Task, for its loss and metrics")
    return found


def untrained_copy(task: Task) -> Task:
    """New task with the settings of another, without its weights, optimizer and scheduler."""
    network = build_network(task.model, task.spec.input_shape)
    new: Task = _build("task", task.settings, network=network, spec=task.spec)
    new.model, new.settings = task.model, task.settings
    return new


def build_trainer(config: Config, *more: L.Callback) -> L.Trainer:
    """Trainer with its callbacks, loggers and durable checkpoints.

    Args:
        config: of the run.
        more: callbacks beside those of the config.
    """
    loggers = _build_all("logger", config.get("logger"))
    callbacks = _build_all("callbacks", in_time(with_swa(config.get("callbacks") or {})))
    check_averaging(callbacks)
    if tuners := [callback for callback in callbacks if isinstance(callback, BatchSizeFinder | LearningRateFinder)]:
        # Found before a run begins where the text of its class tells: leyden.config.cross_checks.
        raise UserError(f"callbacks: {type(tuners[0]).__name__} changes settings that are recorded; leave it out")
    if not loggers:  # it would refuse to begin
        callbacks = [callback for callback in callbacks if not isinstance(callback, LearningRateMonitor)]
    last = [callback for callback in callbacks if isinstance(callback, LastCheckpoint)]
    others = [callback for callback in callbacks if callback not in last]
    saves = any(isinstance(callback, Checkpoint) for callback in callbacks)  # or Lightning would add one of its own
    _check_accelerator(config["trainer"].get("accelerator"))
    plugins = config["trainer"].get("plugins") or []
    trainer: L.Trainer = _build(
        "trainer",
        {"enable_checkpointing": saves} | {key: value for key, value in config["trainer"].items() if key != "plugins"},
        callbacks=[*last, Randomness(config["seed"]), *others, *more],  # saved and seeded before others change anything
        plugins=[DurableCheckpoints(), *_build_plugins(plugins)],
        logger=loggers or False,
        default_root_dir=config["paths"]["run_dir"],
    )
    skip_unused_hooks(trainer.callbacks)  # type: ignore[attr-defined]
    if trainer.precision == "16-true" and trainer.strategy.root_device.type == "cpu":  # by any combination of settings
        raise UserError(HALF_ON_CPU)
    return trainer


def _check_accelerator(name: Any) -> None:
    cuda, mps = CUDAAccelerator.is_available(), MPSAccelerator.is_available()
    if {"gpu": cuda or mps, "cuda": cuda, "mps": mps}.get(name) is False:
        raise UserError(f"trainer.accelerator={name}: there is none on this machine; give trainer=cpu")


def _build_plugins(plugins: Any) -> list[Any]:
    nodes = plugins if isinstance(plugins, list) else [plugins]
    return [_build("trainer.plugins", node) if isinstance(node, Mapping) else node for node in nodes]


def _split(section: Mapping[str, Any], factory: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of a section that belong to a factory, and those that are arguments of torch's class."""
    ours = {field.name for field in fields(factory)}
    settings = {key: value for key, value in section.items() if key in ours}
    return settings, {key: value for key, value in section.items() if key not in ours}


def _build_all(path: str, nodes: Mapping[str, Any] | None) -> list[Any]:
    """Objects of a section, without entries that are null."""
    return [_build(f"{path}.{name}", node) for name, node in (nodes or {}).items() if node]


def _build(path: str, node: Mapping[str, Any], **injected: Any) -> Any:
    """Instantiate a section with further arguments.

    Raises:
        UserError: the class refuses a value. Any other failure of its code keeps its own type and traceback, and so
            does a ValueError of a data set, a model or a task, which may be a bug in the project's code.
    """
    partial = node.get("_partial_", False)
    try:
        make = instantiate({**node, "_partial_": True}, _convert_="all")
        return make if partial else make(**injected)
    except InstantiationException as error:  # a missing class, or an object nested in the section
        cause = error.__cause__
        if isinstance(cause, ImportError):
            why = " ".join(str(cause).split())
            raise UserError(f"{path}._target_={node['_target_']}: cannot be imported ({why})") from error
    except ImportError as error:
        if path not in ("trainer", "logger", "callbacks"):
            raise
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    except (UserError, ValueError, MisconfigurationException) as error:
        cause = error
    if isinstance(cause, UserError):
        raise cause
    if isinstance(cause, ValueError | MisconfigurationException) and path not in ("data", "model", "task"):
        raise UserError(f"{path}: {' '.join(str(cause).split())}") from cause
    assert cause is not None
    raise cause
