"""Class weights of a loss, in the order of the classes or by their names."""

import math
from collections.abc import Mapping, Sequence

from leyden.data.abbreviated import abbreviated
from leyden.data.classes import class_meant
from leyden.system.errors import UserError
from leyden.system.override_text import setting
from leyden.system.suggestions import nearest


def weights_in_order(weights: Sequence[float] | Mapping[str, float], names: Sequence[str], classes: int) -> list[float]:
    """Weights of all classes, in their order.

    Args:
        weights: in that order, or by the names of all classes.
        names: of the classes; empty if they are numbered from 0.
        classes: number of classes.

    Raises:
        UserError: a class has no weight, or a weight no class, or is negative or infinite; or all are 0.
    """
    names = names or [str(number) for number in range(classes)]
    listed = _by_name(weights, names) if isinstance(weights, Mapping) else list(weights)
    if len(listed) != classes:
        raise UserError(
            f"task.class_weights={listed}: give one for each of the {classes} classes, in the order "
            f"{abbreviated(names)}; or by name, as {_typed(dict.fromkeys(names, 1))}"
        )
    for name, weight in zip(names, listed, strict=True):
        if not 0 <= weight < math.inf:
            raise UserError(f"task.class_weights: {weight} for {name} must be 0 or more, and finite")
    if not any(listed):
        raise UserError(f"task.class_weights={listed}: one must be more than 0")
    return [float(weight) for weight in listed]


def _by_name(weights: Mapping[str, float], names: Sequence[str]) -> list[float]:
    found, wrong = dict[str, float](), list[str]()
    key_of = dict[str, str]()
    for key, weight in weights.items():
        name = class_meant(str(key), names)
        if name is None:
            wrong.append(str(key))
        elif name in found:
            raise UserError(f"task.class_weights: {key_of[name]} and {key} are both the class {name}; leave one out")
        else:
            found[name], key_of[name] = weight, str(key)
    missing = [name for name in names if name not in found]
    near = _corrected(wrong, weights, missing)
    complete = {name: found.get(name, near.get(name, 1)) for name in names}
    if wrong:
        hint = f"did you mean {_typed(complete)}?" if near else f"there are: {abbreviated(names)}"
        raise UserError(f"task.class_weights: there is no class {wrong[0]}; {hint}")
    if missing:
        lacking = f"has no weight for {abbreviated(missing)}"
        raise UserError(f"task.class_weights: {lacking}; give one for each class, as {_typed(complete)}")
    return [found[name] for name in names]


def _corrected(wrong: Sequence[str], weights: Mapping[str, float], missing: Sequence[str]) -> dict[str, float]:
    """Weights of unknown names, by the nearest class without a weight."""
    near = {name: nearest(name, missing)[:1] for name in wrong}
    return {found[0]: weight for key, weight in weights.items() for found in [near.get(str(key))] if found}


def _typed(weights: Mapping[str, float]) -> str:
    """Setting as it is typed; of many classes only the first."""
    if len(weights) <= 12:
        return setting("task.class_weights", weights)
    return setting("task.class_weights", dict(list(weights.items())[:2])).replace("}", ", …}")
