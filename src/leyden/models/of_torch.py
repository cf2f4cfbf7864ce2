"""Networks that are a class of torch or torchvision: their lazy layers get sizes, and dense ones flat inputs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from leyden.models.evaluation_mode import evaluation_mode
from leyden.system.errors import UserError

_OF_TORCH = ("torch.nn.", "torchvision.models.")


def settle(network: nn.Module, model: Mapping[str, Any], input_shape: Sequence[int]) -> None:
    """Give lazy layers, such as LazyLinear, their sizes by a batch of zeros in evaluation mode.

    A network that is a single dense layer of torch is given flat inputs, if it takes as many values as an input has.
    Networks of torch and torchvision are shown the batch in any case, as their own messages name no remedy; others
    without lazy layers are not changed.

    Args:
        network: in training mode, as it was built.
        model: settings that it was built from.
        input_shape: shape of one input, without the batch.

    Raises:
        UserError: the network does not take such a batch.
    """
    target = str(model["_target_"])
    is_of_torch = target.startswith(_OF_TORCH)
    has_lazy = any(is_lazy(tensor) for tensor in [*network.parameters(), *network.buffers()])
    if not input_shape or not (has_lazy or is_of_torch):
        return
    if is_of_torch and isinstance(network, nn.Linear) and len(input_shape) > 1 and _takes(network, input_shape):
        network.register_forward_pre_hook(_flat, prepend=True)  # before the hook that finds the size
    try:
        with torch.no_grad(), evaluation_mode(network):
            network(torch.zeros(2, *input_shape))
    except Exception as error:  # layers refuse a shape in many ways
        if not is_of_torch:
            raise
        why = " ".join(str(error).split())[:200]
        name = target.rpartition(".")[2]
        remedy = f"model=resnet model.name={name} takes images of any number of channels"
        if not target.startswith("torchvision"):
            has_flat = any(isinstance(layer, nn.Flatten) for layer in network.modules())
            flatten = "flatten them first, as the list of model=layers does"
            remedy = "see the sizes of its layers" if has_flat else flatten
        raise UserError(
            f"model._target_={target}: does not take inputs of shape {tuple(input_shape)} ({why}); {remedy}"
        ) from error


def _takes(layer: nn.Linear, input_shape: Sequence[int]) -> bool:
    return is_lazy(layer.weight) or layer.in_features == math.prod(input_shape)


def _flat(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (inputs[0].flatten(1), *inputs[1:])
