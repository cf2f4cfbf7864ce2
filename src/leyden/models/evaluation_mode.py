"""Evaluation mode of a network for a moment, from which it returns as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.parameter import is_lazy


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Context in which a network evaluates; at its end the mode of each layer and all buffers are as before.

    A layer that a network keeps in evaluation mode, such as a frozen BatchNorm, stays in it.
    """
    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers() if not is_lazy(buffer)]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
