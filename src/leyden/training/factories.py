"""What a network is built from: a config's settings, and facts about the data."""

from collections.abc import Mapping
from typing import Any

from leyden.config.signature import signature_of
from leyden.data.spec import DataSpec


def complete_model(model: Mapping[str, Any], spec: DataSpec, output_size: int | None = None) -> dict[str, Any]:
    """A config's `model` with the facts about the data that its class asks for: all that the network is built from.

    Args:
        model: the settings, with `_target_`.
        spec: the facts.
        output_size: that of the task, where it is another than the data's own.
    """
    size = spec.output_size if output_size is None else output_size
    facts = {"input_shape": spec.input_shape, "output_size": size, "mean": spec.mean, "std": spec.std}
    signature = signature_of(model["_target_"])
    asked = signature.parameters if signature else {"input_shape": ..., "output_size": ...}
    return {**model, **{name: fact for name, fact in facts.items() if name in asked}}


def for_checkpoint(model: Mapping[str, Any]) -> dict[str, Any]:
    """Complete settings as a checkpoint keeps them: it brings its own weights, so none are to be read for it."""
    signature = signature_of(model["_target_"])
    return {**model, "load": False} if signature and "load" in signature.parameters else dict(model)
