"""Check that an optimizer takes the gradients of a network, some of which may be sparse."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory

_BOTH = "optimizer=adagrad optimizer.fused=false"  # takes sparse and dense gradients


def check_gradients(factory: OptimizerFactory, network: nn.Module, clips_values: bool = False) -> None:
    """Refuse an optimizer that torch would stop at its first step, as Adam for nn.Embedding(sparse=True).

    It is tried on a parameter of its own, for one step with each kind of gradient that the network has.

    Args:
        factory: of the optimizer.
        network: to be trained.
        clips_values: gradients are clipped by value, which torch cannot do with sparse ones.

    Raises:
        UserError: a kind of gradient is not taken, or cannot be clipped.
    """
    layers = (layer for layer in network.modules() if isinstance(layer, nn.Embedding | nn.EmbeddingBag))
    of_sparse = {id(layer.weight) for layer in layers if layer.sparse}
    trained = {name: id(p) in of_sparse for name, p in network.named_parameters() if p.requires_grad}
    sparse = [name for name, is_sparse in trained.items() if is_sparse]
    dense = [name for name, is_sparse in trained.items() if not is_sparse]
    if sparse and clips_values:
        raise UserError(
            f"trainer.gradient_clip_algorithm=value: the gradients of {sparse[0]} are sparse; add "
            "trainer.gradient_clip_algorithm=norm"
        )
    kind = type(factory.make([nn.Parameter(torch.zeros(2, 2))])).__name__
    if sparse and not _takes(factory.make, True):
        changes: list[dict[str, Any]] = [{"fused": False}, {"weight_decay": 0}, {"fused": False, "weight_decay": 0}]
        found = (change for change in changes if _takes(partial(factory.make, **change), True))
        settings = " ".join(f"optimizer.{key}={str(value).lower()}" for key, value in next(found, {}).items())
        other = f"add {settings}" if settings else f"try {_BOTH if dense else 'optimizer=sparse_adam'}"
        raise UserError(
            f"optimizer: {kind} with these settings cannot train {sparse[0]}, whose gradients are sparse; {other}"
        )
    if dense and not _takes(factory.make, False):
        other = f"{_BOTH}, which takes both" if sparse else "optimizer=adam"
        raise UserError(
            f"optimizer: {kind} is for sparse gradients only, and those of {dense[0]} are dense; try {other}"
        )


def _takes(make: Callable[..., Optimizer], sparse: bool) -> bool:
    """True if an optimizer makes a step with such a gradient, or stops for a reason of its own."""
    parameter, gradient = nn.Parameter(torch.zeros(2, 2)), torch.ones(2, 2)
    parameter.grad = gradient.to_sparse(1) if sparse else gradient
    try:
        make([parameter]).step(lambda: 0.0)
    except TypeError:  # there is no such setting
        return False
    except (RuntimeError, ValueError) as error:
        return ("sparse" if sparse else "dense") not in str(error).lower()
    return True
