"""Complete settings of a network: those of a config, and facts about the data."""

from collections.abc import Mapping
from typing import Any

from leyden.config.signature import signature_of
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError


def complete_model(model: Mapping[str, Any], spec: DataSpec, output_size: int | None = None) -> dict[str, Any]:
    """The `model` of a config with the facts about the data that are arguments of its class.

    Args:
        model: settings with `_target_`.
        spec: facts about the data.
        output_size: of the task, if it differs from that of the data.

    Raises:
        UserError: the class has an argument without a default that is neither a setting nor a fact.
    """
    size = spec.output_size if output_size is None else output_size
    facts = {"input_shape": spec.input_shape, "output_size": size, "mean": spec.mean, "std": spec.std}
    signature = signature_of(model["_target_"])
    if signature is None:
        return {**model, "input_shape": spec.input_shape, "output_size": size}
    extra = {name: fact for name, fact in spec.extra.items() if name in signature.parameters}
    complete = {**extra, **model, **{name: fact for name, fact in facts.items() if name in signature.parameters}}
    for parameter in signature.parameters.values():
        if parameter.required and parameter.name not in complete and "_args_" not in model:
            known = f", and the data have no such fact; they have {', '.join(spec.extra)}" if spec.extra else ""
            raise UserError(
                f"model.{parameter.name}: no value given{known}; add model.{parameter.name}=… to the command"
            )
    return complete


def for_checkpoint(model: Mapping[str, Any]) -> dict[str, Any]:
    """Complete settings for a checkpoint: as it contains weights, no pretrained ones are read for it."""
    signature = signature_of(model["_target_"])
    return {**model, "load": False} if signature and "load" in signature.parameters else dict(model)
