"""Checks of settings against each other: optimizer and accumulation, strategy, callbacks and the logger they need.

What concerns the monitored metric is in `leyden.config.monitored_metrics`.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from leyden.config.signature import ancestors, signature_of
from leyden.system.errors import UserError

HALF_ON_CPU = (
    "trainer.precision=16-true: 16-bit floats are too small for gradients and optimizers on a CPU; try "
    "trainer.precision=bf16-true or trainer.precision=32-true"
)
SPAWNS = "forks or spawns processes, which a run directory cannot follow; use trainer.strategy=ddp, in notebooks too"
_SPAWNING = re.compile(r"\w+_(spawn|fork|notebook)(_\w+)?")

# Lightning's callbacks that change a setting during training, so that the recorded config would be wrong: the setting,
# the script that finds a value for it, and the argument of Trainers before Lightning 2 that did the same.
TUNERS = {
    "LearningRateFinder": ("optimizer.lr", "find_lr.py", "auto_lr_find"),
    "BatchSizeFinder": ("data.batch_size", "find_batch_size.py", "auto_scale_batch_size"),
}
_LIGHTNING = ("lightning.pytorch.callbacks.", "pytorch_lightning.callbacks.")
_IMAGES = "leyden.data.images.Images"  # base class of all data sets of images

# Lightning reports a missing logger only when training begins. LearningRateMonitor, a default, is left out without one.
_NEED_ANY_LOGGER = ("DeviceStatsMonitor",)
_LOGGERS = {"TensorBoardLogger": "tensorboard", "CSVLogger": "csv", "WandbLogger": "wandb", "MLFlowLogger": "mlflow"}


def refuse_tuners(config: Mapping[str, Any], overrides: Sequence[str] | None) -> None:
    """Refuse callbacks that would train with another learning rate or batch size than the config states.

    Args:
        config: of a run, resolved.
        overrides: of a new run; None for a run that is resumed, whose settings stay.

    Raises:
        UserError: there is one; with the command that finds the value beforehand.
    """
    found = {f"callbacks.{name}": tuner(_target(node)) for name, node in _nodes(config, "callbacks").items()}
    trainer = config.get("trainer") or {}
    found |= {f"trainer.{old}": kind for kind, (_, _, old) in TUNERS.items() if trainer.get(old)}
    for place, kind in found.items():
        if kind is None:
            continue
        setting, script, _ = TUNERS[kind]
        if overrides is None:
            raise UserError(f"{place}: {kind} changes {setting}, which a resumed run keeps; leave it out")
        own = re.compile(rf"[+~]*{re.escape(place)}([.=]|$)")
        others = [typed for typed in overrides if not own.match(typed)]
        if len(others) == len(overrides):  # a file states it
            others.append(f"{place}=null")
        command = shlex.join(["python", f"scripts/{script}", *others])
        raise UserError(f"{place}: {kind} changes {setting} without a record of it; find it beforehand: {command}")


def tuner(target: str) -> str | None:
    """The key of `TUNERS` that a class is or extends, from its source text."""
    paths = (path for path, _, _ in ancestors(target) if path.startswith(_LIGHTNING))
    return next((name for path in paths if (name := path.rpartition(".")[2]) in TUNERS), None)


def check_steps(config: Mapping[str, Any]) -> None:
    """Check precision, gradient accumulation and optimizer against each other.

    Raises:
        UserError: two of them cannot be combined.
    """
    trainer = config["trainer"]
    precision = str(trainer.get("precision"))
    if precision == "16-true" and trainer.get("accelerator") == "cpu":
        raise UserError(HALF_ON_CPU)
    every = trainer.get("accumulate_grad_batches") or 1
    accumulates = {"trainer.accumulate_grad_batches": every}
    for name, node in _nodes(config, "callbacks").items():
        plan = node.get("scheduling")
        if _target(node).rpartition(".")[2] != "GradientAccumulationScheduler" or not isinstance(plan, Mapping):
            continue
        if every != 1:
            raise UserError(
                f"trainer.accumulate_grad_batches={every}: is set by callbacks.{name} too; "
                "add trainer.accumulate_grad_batches=1"
            )
        accumulates[f"callbacks.{name}.scheduling"] = max(plan.values(), default=1)
    if _target(config["optimizer"]).rpartition(".")[2] == "LBFGS":
        _check_lbfgs(trainer, precision, accumulates)


def _check_lbfgs(trainer: Mapping[str, Any], precision: str, accumulates: Mapping[str, int]) -> None:
    """Refuse what LBFGS, which evaluates the loss several times in a step, cannot do."""
    for name, most in accumulates.items():
        if most != 1:
            raise UserError(
                f"{name}: optimizer=lbfgs evaluates the loss of one batch several times in a step, and cannot "
                "accumulate the gradients of several; leave it out and set a larger data.batch_size, or try "
                "optimizer=adam"
            )
    devices = trainer.get("devices", 1)
    count = len(devices) if isinstance(devices, list) else devices
    if str(count) != "1" or trainer.get("num_nodes", 1) != 1:
        raise UserError(
            f"trainer.devices={devices}: optimizer=lbfgs decides by the loss of its own process how often it evaluates "
            "it, and several processes would wait for each other for ever; add trainer.devices=1 trainer.num_nodes=1"
        )
    if precision in ("16", "16-mixed"):
        raise UserError(
            f"trainer.precision={precision}: optimizer=lbfgs cannot undo the scaling of its loss; try "
            "trainer.precision=bf16-mixed"
        )


def check_mixing(config: Mapping[str, Any]) -> None:
    """Refuse, with a UserError, to mix the classes of images for a task whose targets are no classes."""
    data, task = config["data"], _target(config["task"])
    signature = signature_of(task)
    is_of_classes = signature is None or signature.constants.get("TARGETS") == "classification"
    if is_of_classes or not any(path == _IMAGES for path, _, _ in ancestors(_target(data))):
        return
    for name in ("mixup", "cutmix"):
        if data.get(name):
            raise UserError(
                f"data.{name}={data[name]}: mixes the classes of images, and the targets of {task.rpartition('.')[2]} "
                "are none; leave it out, or give task=classification"
            )


def check_strategy(trainer: Mapping[str, Any]) -> None:
    """Refuse, with a UserError, a strategy that starts the processes of a run by fork or spawn."""
    strategy = trainer.get("strategy")
    if isinstance(strategy, str) and _SPAWNING.fullmatch(strategy):
        raise UserError(f"trainer.strategy={strategy}: {SPAWNS}")
    if isinstance(strategy, Mapping) and strategy.get("start_method", "popen") != "popen":
        raise UserError(f"trainer.strategy.start_method={strategy['start_method']}: {SPAWNS}")


def check_callbacks(config: Mapping[str, Any]) -> None:
    """Refuse a callback whose logger is missing, or whose checkpoints are disabled.

    A class names the logger that it needs as `NEEDS_LOGGER`.

    Raises:
        UserError: for the first callback, by its name.
    """
    trainer, callbacks = config["trainer"], _nodes(config, "callbacks")
    loggers = [_target(node).rpartition(".")[2] for node in _nodes(config, "logger").values()]
    signatures = {name: signature_of(_target(node)) for name, node in callbacks.items()}
    if trainer.get("enable_checkpointing") is False:
        needed = {"dirpath", "every_n_epochs"}
        writing = [name for name, found in signatures.items() if found and needed <= found.parameters.keys()]
        if writing:
            remedy = " ".join(f"callbacks.{name}=null" for name in writing)
            raise UserError(f"trainer.enable_checkpointing=false: some callbacks write checkpoints; add {remedy}")
    for name, node in callbacks.items():
        kind, signature = _target(node).rpartition(".")[2], signatures[name]
        if trainer.get("enable_progress_bar") is False and kind == "Progress":
            raise UserError(f"trainer.enable_progress_bar=false: leave it out, and add callbacks.{name}=null")
        every, epochs = node.get("every_n_epochs"), trainer.get("max_epochs")
        # last.ckpt is also written when training ends.
        if isinstance(every, int) and isinstance(epochs, int) and 0 <= epochs < every and kind != "LastCheckpoint":
            key = f"callbacks.{name}.every_n_epochs"
            raise UserError(
                f"{key}={every}: is never reached in trainer.max_epochs={epochs}; use {key}={max(1, epochs // 2)}"
            )
        logger = signature.constants.get("NEEDS_LOGGER") if signature else None
        if logger and logger not in loggers:
            raise UserError(f"callbacks.{name}: writes to {logger} only; add logger={_LOGGERS.get(logger, '…')}")
        if kind in _NEED_ANY_LOGGER and not loggers:
            raise UserError(f"callbacks.{name}: needs a logger; add logger=csv")


def _nodes(config: Mapping[str, Any], section: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a section that are not null, by name."""
    entries = config.get(section)
    nodes = entries.items() if isinstance(entries, Mapping) else ()
    return {name: node for name, node in nodes if isinstance(node, Mapping)}


def _target(node: Mapping[str, Any]) -> str:
    return str(node.get("_target_"))
