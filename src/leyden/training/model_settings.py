"""Complete settings of a network: those of a config, and facts about the data."""

from collections.abc import Mapping
from typing import Any

from leyden.config.signature import signature_of
from leyden.data.spec import DataSpec


def complete_model(model: Mapping[str, Any], spec: DataSpec, output_size: int | None = None) -> dict[str, Any]:
    """The `model` of a config with the facts about the data that are arguments of its class.

    Args:
        model: settings with `_target_`.
        spec: facts about the data.
        output_size: of the task, if it differs from that of the data.
    """
    size = spec.output_size if output_size is None else output_size
    facts = {"input_shape": spec.input_shape, "output_size": size, "mean": spec.mean, "std": spec.std}
    signature = signature_of(model["_target_"])
    asked = signature.parameters if signature else {"input_shape": ..., "output_size": ...}
    return {**model, **{name: fact for name, fact in facts.items() if name in asked}}


def for_checkpoint(model: Mapping[str, Any]) -> dict[str, Any]:
    """Complete settings for a checkpoint: as it contains weights, no pretrained ones are read for it."""
    signature = signature_of(model["_target_"])
    return {**model, "load": False} if signature and "load" in signature.parameters else dict(model)
