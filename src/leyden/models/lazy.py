"""Sizes of torch's lazy layers, such as LazyLinear, and a check that torch's own networks take the input."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from leyden.system.errors import UserError

_OF_TORCH = ("torch.nn.", "torchvision.models.")


def settle(network: nn.Module, model: Mapping[str, Any], input_shape: Sequence[int]) -> None:
    """Give lazy layers their sizes, by a batch of zeros in evaluation mode; other networks are not changed.

    Networks of torch and torchvision are shown the batch in any case, as their own messages do not name a remedy.

    Args:
        network: in training mode, as it was built.
        model: settings that it was built from.
        input_shape: shape of one input, without the batch.

    Raises:
        UserError: the network does not take such a batch.
    """
    target = str(model["_target_"])
    has_lazy = any(is_lazy(tensor) for tensor in [*network.parameters(), *network.buffers()])
    if not has_lazy and not target.startswith(_OF_TORCH):
        return
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(2, *input_shape))
    except Exception as error:  # layers refuse a shape in many ways
        if not target.startswith(_OF_TORCH):
            raise
        why = " ".join(str(error).split())[:200]
        remedy = (
            "; to flatten inputs first: model=layers 'model.layers=[Flatten,{Linear: output_size}]'"
            if isinstance(network, nn.Linear) and len(input_shape) > 1
            else ""
        )
        raise UserError(
            f"model._target_={target}: does not take inputs of shape {tuple(input_shape)} ({why}){remedy}"
        ) from error
    finally:
        network.train()
