"""Callbacks that need another part of a run, and whether it is there."""

from collections.abc import Mapping
from typing import Any

from leyden.config.signature import signature_of
from leyden.system.errors import UserError

# Lightning's, which say so only when training begins. LearningRateMonitor, a default, is left out where there is none.
_OF_ANY = ("DeviceStatsMonitor",)
_FILES = {"TensorBoardLogger": "tensorboard", "CSVLogger": "csv", "WandbLogger": "wandb", "MLFlowLogger": "mlflow"}


def check_callbacks(config: Mapping[str, Any]) -> None:
    """Refuse a callback whose logger is missing, or whose checkpoints are switched off.

    A class names the logger that it needs as `NEEDS_LOGGER`.

    Args:
        config: resolved, and checked otherwise.

    Raises:
        UserError: for the first callback, by its name.
    """
    loggers = [str(node.get("_target_")).rpartition(".")[2] for node in (config.get("logger") or {}).values() if node]
    if config["trainer"].get("enable_checkpointing") is False:
        writing = [name for name, node in (config.get("callbacks") or {}).items() if _writes_checkpoints(node)]
        if writing:
            remedy = " ".join(f"callbacks.{name}=null" for name in writing)
            raise UserError(f"trainer.enable_checkpointing=false: there are callbacks that write them; add {remedy}")
    for name, node in (config.get("callbacks") or {}).items():
        if not node:
            continue
        if config["trainer"].get("enable_progress_bar") is False and str(node["_target_"]).endswith(".Progress"):
            raise UserError(f"trainer.enable_progress_bar=false: leave it out, and add callbacks.{name}=null")
        _check_interval(f"callbacks.{name}", node, config["trainer"])
        target = str(node["_target_"])
        signature = signature_of(target)
        needed = signature.constants.get("NEEDS_LOGGER") if signature else None
        if needed and needed not in loggers:
            raise UserError(f"callbacks.{name}: writes to {needed} only; add logger={_FILES.get(needed, '…')}")
        if target.rpartition(".")[2] in _OF_ANY and not loggers:
            raise UserError(f"callbacks.{name}: needs a logger; add logger=csv")


def _check_interval(place: str, node: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    """Refuse checkpoints of every n-th epoch in a run of fewer epochs; last.ckpt is also written at its end."""
    every, epochs = node.get("every_n_epochs"), trainer.get("max_epochs")
    is_last = str(node["_target_"]).endswith(".LastCheckpoint")
    if isinstance(every, int) and isinstance(epochs, int) and 0 <= epochs < every and not is_last:
        name = f"{place}.every_n_epochs"
        raise UserError(
            f"{name}={every}: never comes in trainer.max_epochs={epochs}; give {name}={max(1, epochs // 2)}"
        )


def _writes_checkpoints(node: Any) -> bool:
    signature = signature_of(str(node.get("_target_"))) if isinstance(node, Mapping) else None
    return signature is not None and {"dirpath", "every_n_epochs"} <= signature.parameters.keys()
