"""Limits of numbers in a config.

A class declares those of its own arguments as a plain literal, which is read without importing it; those of the classes
that it extends hold too:

    LIMITS: ClassVar = {"delta": "> 0", "label_smoothing": ">= 0, < 1"}
"""

import operator
import re
from typing import Any

from leyden.config.signature import ancestors, class_constants
from leyden.system.errors import UserError

# Of arguments of torch, Lightning and the engine's data modules, by name in any section.
_LIMITS = {
    "> 0": "lr train_size val_check_interval",
    ">= 0": "val_size test_size fold num_workers skip_lines weight_decay gradient_clip_val log_every_n_steps patience "
    "warmup",
    ">= 1": "batch_size eval_batch_size size max_categories check_val_every_n_epoch step_size accumulate_grad_batches "
    "frequency",
    ">= 2": "folds",
    ">= 0, < 1": "momentum dropout",
    ">= 0, <= 4294967295": "seed split_seed",
    ">= 1, or -1 for no end": "max_epochs max_steps",
}
_BY_NAME = {name: limit for limit, names in _LIMITS.items() for name in names.split()}
_COMPARE = {
    ">": (operator.gt, "greater than"),
    ">=": (operator.ge, "at least"),
    "<": (operator.lt, "less than"),
    "<=": (operator.le, "at most"),
}
_LIMIT = re.compile(r"(>=?|<=?)\s*(-?[\d.]+)(?:\s*,\s*(>=?|<=?)\s*(-?[\d.]+))?(,? or (-?[\d.]+).*)?")


def limits_of(target: str) -> dict[str, str]:
    """The limits that a class and its base classes declare, by argument."""
    found: dict[str, str] = {}
    for _, _, node in ancestors(target):
        declared = class_constants(node).get("LIMITS")
        found = {**(declared if isinstance(declared, dict) else {}), **found}
    return found


def check_number(name: str, value: Any, declared: dict[str, str]) -> str | None:
    """The limit that a value breaks, in words such as `at least 1`; None if it breaks none.

    Args:
        name: of the setting.
        value: a number, or a list or mapping of numbers, each of which is checked; anything else is accepted.
        declared: limits of the class that takes it.

    Raises:
        UserError: the limit that its class declares cannot be read.
    """
    limit = declared.get(name, _BY_NAME.get(name))
    if limit is None:
        return None
    match = _LIMIT.fullmatch(limit)
    if match is None:
        raise UserError(f"LIMITS of {name}: {limit} cannot be read; write it as '> 0' or '>= 0, < 1'")
    bounds = [(sign, number) for sign, number in (match.group(1, 2), match.group(3, 4)) if sign]
    needed = " and ".join(f"{_COMPARE[sign][1]} {number}" for sign, number in bounds) + (match[5] or "")
    numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for number in numbers:
        if not isinstance(number, int | float) or (match[6] and number == float(match[6])):
            continue  # of other types, the annotation decides
        if not all(_COMPARE[sign][0](number, float(bound)) for sign, bound in bounds):
            return needed.replace("at least 0 and at most", "between 0 and")
    return None
