"""Summaries of a run for TensorBoard beside its metrics: HPARAMS, layout of the curves, config, command, data."""

import time
from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent
from typing import Any

import lightning as L
import yaml
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.plugins.text.summary_v2 import text_pb

from leyden.config.experiment import Config, Experiment
from leyden.config.overrides import without_password
from leyden.system.lightning_internals import steps_logged
from leyden.tasks.task import Task

_BY_CLASS = ("data", "model", "task", "optimizer", "scheduler")  # groups whose files are named like their class
_ALWAYS = ("model", "optimizer.lr", "seed", "monitor")  # with the experiment as many as TensorBoard shows at first
_NOT_SETTINGS = ("hydra", "paths", "sweep", "resume", "logger")


def log_start(trainer: L.Trainer, experiment: Experiment, task: Task, command: str, data: str) -> None:
    """Log the settings of a run, which begins or resumes.

    The HPARAMS page gets the settings without a list of its columns: from such a list TensorBoard would take the
    columns of all runs, also of other experiments, and without one it takes the union.
    """
    config = {name: section for name, section in experiment.config.items() if name != "sweep"}
    for writer in _writers(trainer):
        begin = SessionStartInfo(start_time_secs=time.time())
        for name, value in hyperparameters(experiment).items():
            kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
            setattr(begin.hparams[name], kind, value)
        _add_session(writer, metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=begin))
        writer.add_custom_scalars(layout(task.metric_names))
        for name, text in {
            "command": indent(command, "    "),
            "data": data,
            "network": task.describe(),
            "config": indent(without_password(yaml.safe_dump(config, sort_keys=False)), "    "),
        }.items():
            writer.file_writer.add_summary(text_pb(f"run/{name}", text), 0)


def log_result(trainer: L.Trainer, metrics: Mapping[str, float]) -> None:
    """Log the best value of the monitored metric, with its name and as `best`.

    The HPARAMS page has a column for each name of a scalar, in alphabetical order, and at first shows only one: `best`
    is of all runs, whatever they monitor.
    """
    step = steps_logged(trainer)
    for writer in _writers(trainer):
        for name, value in metrics.items():
            if name.startswith("best/"):
                writer.add_scalar("best", value, step)
                writer.add_scalar(name, value, step)
        end = SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        _add_session(writer, metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))
        writer.flush()


def hyperparameters(experiment: Experiment) -> dict[str, bool | float | str]:
    """The main settings of a run, and those that were typed, by their name in the config."""
    config, found = experiment.config, {"experiment": experiment.name}
    typed = dict(_typed(experiment.overrides))
    for key in dict.fromkeys([*_ALWAYS, *typed]):
        is_setting, value = _value(config, key)
        if is_setting and key.partition(".")[0] not in _NOT_SETTINGS:
            as_typed = isinstance(value, Mapping) or "***" in typed.get(key, "")  # a file of a group; a password
            found[key] = typed.get(key, "") if as_typed else value
    return {key: _plain(value) for key, value in found.items()}


def layout(metric_names: Sequence[str]) -> dict[str, Any]:
    """Layout of the page CUSTOM SCALARS: training and validation of each metric in one chart."""
    names = dict.fromkeys(name.partition("/")[2] for name in metric_names if not name.startswith("test/"))
    metrics = {name: ["Multiline", [f"(train|val)/{name}$"]] for name in names}
    return {
        "Metrics": metrics,
        "Training": {"learning rate": ["Multiline", ["lr-.*"]], "gradient norm": ["Multiline", ["gradient/norm"]]},
        "Speed and memory": {
            "items per second": ["Multiline", ["time/items_per_second"]],
            "time of an epoch (s)": ["Multiline", ["time/epoch"]],
            "memory (MB)": ["Multiline", ["memory/.*"]],
        },
    }


def _writers(trainer: L.Trainer) -> Iterator[Any]:
    """SummaryWriter of each TensorBoard logger of the first process."""
    if trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
        yield from (logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))


def _add_session(writer: Any, tag: str, content: HParamsPluginData) -> None:
    """The package's own functions for this import TensorFlow."""
    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))
    writer.file_writer.add_summary(Summary(value=[value]))


def _typed(overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and text of each setting that was typed, without what chooses an experiment or removes a setting."""
    for override in overrides:
        key, is_set, text = override.partition("=")
        key = key.lstrip("+").partition("@")[0].replace("/", ".")
        if is_set and not key.startswith("~") and key != "experiment":
            yield key, text


def _value(config: Config, key: str) -> tuple[bool, Any]:
    """Whether a config has a setting, and its value: of a section that builds an object the name of its class."""
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return False, None
        node = node[part]
    if isinstance(node, Mapping) and key in _BY_CLASS and "_target_" in node:
        return True, str(node["_target_"]).rpartition(".")[2]
    return True, node


def _plain(value: Any) -> bool | float | str:
    return value if isinstance(value, bool | float | int | str) else "null" if value is None else str(value)
