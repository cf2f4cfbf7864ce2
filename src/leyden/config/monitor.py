"""Is the monitored metric one that is measured, and better in the direction that is said?"""

import re
from collections.abc import Mapping
from typing import Any

from leyden.config.signature import find
from leyden.config.typed import as_text
from leyden.errors import UserError


def check_monitor(config: Mapping[str, Any]) -> None:
    """Check `monitor` and `mode` of a config.

    Raises:
        UserError: one of them does not hold.
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
    if str(monitor).endswith("loss") and mode == "max":
        raise UserError(f"monitor={monitor}: is best where it is smallest; add mode=min")
    data = config["data"]
    signature = find(str(data.get("_target_")))
    not_otherwise = all(data.get(name) is None for name in ("fold", "val_path", "split_column"))
    known = signature is not None and "INPUT_SHAPE" in signature.constants  # a folder may hold a validation set
    if str(monitor).startswith("val/") and data.get("val_size") == 0 and not_otherwise and known:
        raise UserError(
            f"monitor={monitor}: there is no validation set with data.val_size=0; try monitor=train/loss mode=min"
        )


def _metric(word: str, config: Mapping[str, Any]) -> str:
    """The metric of training or validation that a word such as `val_loss` or `acc` probably means."""
    match = re.fullmatch(r"(train|val|valid|validation|test)?[_/]?(\w+)", word.lower())
    part, name = (match[1], match[2]) if match else (None, "")
    name = {"accuracy": "acc", "f1_score": "f1"}.get(name, name)
    known = re.search(r"\.(classification|regression|reconstruction)\.", str(config["task"].get("_target_")))
    metrics = {"classification": ("acc", "f1", "loss"), "regression": ("rmse", "mae", "r2", "loss")}
    names = metrics.get(known[1] if known else "", ("loss",))
    part = part if part == "train" else "val"
    return f"{part}/{name if name in names else names[0]}" + (" mode=min" if name == "loss" else "")
