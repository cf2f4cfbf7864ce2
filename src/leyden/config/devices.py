"""Strategies and devices of the Trainer that cannot be used, found before torch is imported."""

import re
from collections.abc import Mapping
from typing import Any

from leyden.system.errors import UserError

SPAWNS = (
    "forks or spawns its processes, which a run directory cannot follow; give trainer.strategy=ddp, in notebooks too"
)
_SPAWNING = re.compile(r"\w+_(spawn|fork|notebook)(_\w+)?")


def check_strategy(trainer: Mapping[str, Any]) -> None:
    """Refuse a strategy that starts the processes of a run by fork or spawn.

    Args:
        trainer: the section of the config.

    Raises:
        UserError: it does.
    """
    strategy = trainer.get("strategy")
    if isinstance(strategy, str) and _SPAWNING.fullmatch(strategy):
        raise UserError(f"trainer.strategy={strategy}: {SPAWNS}")
    if isinstance(strategy, Mapping) and strategy.get("start_method", "popen") != "popen":
        raise UserError(f"trainer.strategy.start_method={strategy['start_method']}: {SPAWNS}")
