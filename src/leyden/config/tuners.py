"""Lightning's callbacks that change a setting while a run trains with it. The recorded config would not tell of it."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from leyden.config.ancestry import ancestors
from leyden.system.errors import UserError

# The class, the setting that it changes, the script that finds a value for it.
TUNERS = {
    "LearningRateFinder": ("optimizer.lr", "find_lr.py"),
    "BatchSizeFinder": ("data.batch_size", "find_batch_size.py"),
}
_MODULE = "lightning.pytorch.callbacks."
_OLD = "pytorch_lightning.callbacks."
# Settings of Trainers before Lightning 2, which did the same.
_OF_OLD_TRAINERS = {
    "auto_lr_find": "LearningRateFinder",
    "auto_scale_batch_size": "BatchSizeFinder",
}


def refuse_tuners(config: Mapping[str, Any], overrides: Sequence[str] | None) -> None:
    """Refuse callbacks that would train with another learning rate or batch size than the config says.

    Args:
        config: of a run, resolved.
        overrides: of a run that begins, as they were typed; None for one that is resumed, whose settings stay.

    Raises:
        UserError: there is one; with the command that finds the value beforehand.
    """
    callbacks = config.get("callbacks")
    for name, node in callbacks.items() if isinstance(callbacks, Mapping) else ():
        kind = tuner(str(node.get("_target_"))) if isinstance(node, Mapping) else None
        if kind:
            raise UserError(_refusal(f"callbacks.{name}", kind, overrides))
    trainer = config.get("trainer")
    for name, value in trainer.items() if isinstance(trainer, Mapping) else ():
        if value and (kind := _OF_OLD_TRAINERS.get(name)):
            raise UserError(_refusal(f"trainer.{name}", kind, overrides))


def tuner(target: str) -> str | None:
    """Which of the two a class is or extends, read from its source text."""
    for ancestor in ancestors(target):
        kind = ancestor.rpartition(".")[2]
        if kind in TUNERS and ancestor.startswith((_MODULE, _OLD)):
            return kind
    return None


def _refusal(place: str, kind: str, overrides: Sequence[str] | None) -> str:
    setting, script = TUNERS[kind]
    if overrides is None:
        return f"{place}: {kind} changes {setting}, which a resumed run keeps; leave it out"
    command = shlex.join(["python", f"scripts/{script}", *_without(place, overrides)])
    return f"{place}: {kind} changes {setting} where the record does not show it; find it beforehand: {command}"


def _without(place: str, overrides: Sequence[str]) -> list[str]:
    """The overrides without those of a setting; where a file states it, it is set to null."""
    own = re.compile(rf"[+~]*{re.escape(place)}([.=]|$)")
    others = [typed for typed in overrides if not own.match(typed)]
    return others if len(others) < len(overrides) else [*others, f"{place}=null"]
