"""Checks of the metrics that a run monitors during training: known, of the right mode, and logged in time."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from leyden.config.own_parts import logged_names
from leyden.config.signature import signature_of
from leyden.system.errors import UserError
from leyden.system.override_text import as_text

PLATEAU = "ReduceLROnPlateau"
_FLAGS = ("save_on_train_epoch_end", "check_on_train_epoch_end")  # of ModelCheckpoint and EarlyStopping


def check_monitor(config: Mapping[str, Any]) -> None:
    """Check `monitor` and `mode` of a config.

    Raises:
        UserError: one of them is wrong.
    """
    monitor, mode = config.get("monitor"), config.get("mode")
    if not str(monitor).startswith(("train/", "val/")):
        raise UserError(
            f"monitor={as_text(monitor)}: must be a metric of training or validation, "
            f"such as monitor={_metric(str(monitor), config)}"
        )
    if mode not in ("min", "max"):
        word = next((way for way in ("min", "max") if str(mode).lower().startswith(way)), None)
        raise UserError(f"mode={as_text(mode)}: must be min or max" + (f"; write mode={word}" if word else ""))


def _metric(word: str, config: Mapping[str, Any]) -> str:
    """The metric of training or validation that a word such as `val_loss` or `acc` probably means."""
    match = re.fullmatch(r"(train|val|valid|validation|test)?[_/]?(\w+)", word.lower())
    part, name = (match[1], match[2]) if match else (None, "")
    name = {"accuracy": "acc", "f1_score": "f1"}.get(name, name)
    task = signature_of(str(config["task"].get("_target_")))
    names = (*((task.constants.get("METRICS") if task else None) or ("loss",)), *logged_names(config["task"]))
    part = part if part == "train" else "val"
    return f"{part}/{name if name in names else names[0]}" + (" mode=min" if name == "loss" else "")


def check_monitored(config: Mapping[str, Any]) -> None:
    """Refuse a training whose monitored metrics come from a validation that never takes place.

    Conditions on the number of batches are checked by `leyden.training.feasibility`, once the data are loaded.

    Args:
        config: resolved and validated.

    Raises:
        UserError: for the first metric, by the setting that names it.
    """
    trainer = config["trainer"]
    if _is_nothing(trainer.get("limit_train_batches")) and not trainer.get("fast_dev_run"):
        raise UserError(
            "trainer.limit_train_batches=0: nothing would be trained; leave it out (a run is tested again by eval.py)"
        )
    if config.get("test") and _is_nothing(trainer.get("limit_test_batches")) and not trainer.get("fast_dev_run"):
        raise UserError("trainer.limit_test_batches=0: nothing would be tested; leave it out, or add test=false")
    _check_plateau(config)
    _check_times(config)
    why = never_validates(config)
    for setting, mode_setting, metric, mode in watched(config):
        if metric.startswith("val/") and why:
            raise UserError(f"{setting}={metric}: {why}; {other_metric(setting, mode_setting)}")
        is_r2 = "/r2_" in metric  # of a target whose name ends in loss
        if metric.endswith("loss") and not is_r2 and mode == "max":
            raise UserError(f"{setting}={metric}: is best when it is smallest; add {mode_setting}=min")


def never_validates(config: Mapping[str, Any]) -> str | None:
    """The reason why a run never validates, by its settings; None if it does, or may do so."""
    trainer, data = config.get("trainer") or {}, config.get("data") or {}
    if trainer.get("fast_dev_run"):  # which sets the limits itself
        return None
    if _is_nothing(trainer.get("limit_val_batches")) and not trainer.get("overfit_batches"):
        return "there is no validation with trainer.limit_val_batches=0"
    signature = signature_of(str(data.get("_target_")))
    not_otherwise = all(data.get(name) is None for name in ("fold", "val_path", "split_column"))
    known = signature is not None and "INPUT_SHAPE" in signature.constants  # a folder may hold a validation set
    if data.get("val_size") == 0 and not_otherwise and known:
        return "there is no validation set with data.val_size=0"
    every, most = trainer.get("check_val_every_n_epoch"), trainer.get("max_epochs")
    if isinstance(every, int) and isinstance(most, int) and 0 <= most < every:
        return f"there is no validation in trainer.max_epochs={most} with trainer.check_val_every_n_epoch={every}"
    return None


def watched(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """The settings that name a metric and its mode, with their values: ("monitor", "mode", "val/acc", "max")."""
    yield "monitor", "mode", str(config.get("monitor")), config.get("mode")
    nodes = {f"callbacks.{name}": node for name, node in (config.get("callbacks") or {}).items() if _flag_of(node)}
    if is_plateau(config):
        nodes = {"scheduler": config["scheduler"], **nodes}
    for place, node in nodes.items():
        if isinstance(metric := node.get("monitor"), str):
            yield f"{place}.monitor", f"{place}.mode", metric, node.get("mode")


def other_metric(setting: str, mode_setting: str) -> str:
    """Remedy: the setting that monitors a metric of the training instead of one of the validation."""
    return f"add {setting}=train/loss {mode_setting}=min"


def is_plateau(config: Mapping[str, Any]) -> bool:
    """True if the scheduler depends on a metric."""
    scheduler = config.get("scheduler")
    return isinstance(scheduler, Mapping) and str(scheduler.get("_target_")).rpartition(".")[2] == PLATEAU


def in_time(callbacks: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of callbacks, with those that monitor a metric of the training reading it at the end of an epoch.

    Lightning's callbacks read it at the end of a validation, which comes earlier if not every epoch ends with one: they
    would use the metric of an earlier epoch for the current weights.
    """
    found = {}
    for name, node in callbacks.items():
        flag = _flag_of(node)
        is_of_training = flag and str(node.get("monitor")).startswith("train/")
        found[name] = {**node, flag: True} if is_of_training else node
    return found


def _check_times(config: Mapping[str, Any]) -> None:
    """Refuse a callback that reads its metric at a time when it is not computed."""
    trainer = config["trainer"]
    each_epoch = trainer.get("check_val_every_n_epoch", 1) == 1 and trainer.get("val_check_interval") in (None, 1.0)
    for name, node in (config.get("callbacks") or {}).items():
        flag = _flag_of(node)
        at_epoch_end, metric = (node.get(flag), str(node.get("monitor"))) if flag else (None, "")
        setting = f"callbacks.{name}.{flag}"
        if at_epoch_end is True and metric.startswith("val/") and not each_epoch:
            raise UserError(f"{setting}=true: {metric} is not computed at the end of each epoch; set {setting}=null")
        if at_epoch_end is False and metric.startswith("train/"):
            raise UserError(f"{setting}=false: {metric} is computed at the end of each epoch; set {setting}=null")


def _flag_of(node: Any) -> str | None:
    """The argument of a callback that makes it read its metric at the end of an epoch of training."""
    signature = signature_of(str(node.get("_target_"))) if isinstance(node, Mapping) else None
    return next((flag for flag in _FLAGS if signature and flag in signature.parameters), None)


def _check_plateau(config: Mapping[str, Any]) -> None:
    if not is_plateau(config):
        return
    scheduler = config["scheduler"]
    if not isinstance(scheduler.get("monitor"), str):
        raise UserError(f"scheduler.monitor={scheduler.get('monitor')}: must be a metric, such as {config['monitor']}")
    if scheduler.get("interval", "epoch") != "epoch":
        raise UserError(
            f"scheduler.interval={scheduler['interval']}: a plateau is found in the metrics of epochs; "
            "add scheduler.interval=epoch"
        )


def _is_nothing(limit: Any) -> bool:
    return isinstance(limit, int | float) and not isinstance(limit, bool) and limit == 0
