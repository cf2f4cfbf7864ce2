"""Checks of a network's input shape, declared by the network's class and called before torch is imported.

A network may declare a static method `check_input(input_shape, **settings) -> str | None` that returns what it needs,
as the end of the sentence "model CNN needs …", or None if it takes the input. If it is assigned from a module that does
not import torch, as in

    check_input = staticmethod(input_checks.cnn)

it is called with the settings of a config before torch is imported; any other is called when the network is built.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leyden.config.declarations import declared_function
from leyden.config.signature import signature_of

InputCheck = Callable[..., str | None]


def stated_shape(data: Mapping[str, Any]) -> Sequence[Any] | None:
    """The input shape that the class of a data section states; None if it is known only when the data are read."""
    if data.get("eval_transform"):
        return None
    signature = signature_of(str(data.get("_target_")))
    return signature.constants.get("INPUT_SHAPE") if signature else None


def misfit(target: str, input_shape: Sequence[Any], settings: Mapping[str, Any]) -> str | None:
    """Message that refuses a network for an input shape; None if they fit, or if only torch can tell."""
    check = declared_check(target)
    return refusal(target, check, {**settings, "input_shape": input_shape}) if check else None


def refusal(target: str, check: InputCheck, settings: Mapping[str, Any]) -> str | None:
    """Message with which a network's own check refuses complete settings; None if it accepts them."""
    needs = check(**{key: value for key, value in settings.items() if not key.startswith("_")})
    return f"model {target.rpartition('.')[2]} needs {needs}" if needs else None


def declared_check(target: str) -> InputCheck | None:
    """The `check_input` that a class or a base class of it takes from a module without torch; None otherwise."""
    return declared_function(target, "check_input")
