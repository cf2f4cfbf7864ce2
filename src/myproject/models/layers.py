"""Layers that several networks share."""

from typing import Literal

from torch import nn

from leyden import UserError
from myproject.models import input_checks

Activation = Literal[
    "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "identity"
]  # spelt out, so that the choice is known before torch is imported

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def activation(name: Activation) -> nn.Module:
    """New activation layer of this name.

    Raises:
        UserError: the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise UserError(f"model.activation={name}: must be one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def dense(
    size: int, widths: list[int], dropout: float | list[float], name: Activation, batch_norm: bool = False
) -> tuple[list[nn.Module], int]:
    """Hidden dense layers, each with optional BatchNorm, activation and dropout.

    Args:
        size: number of inputs.
        widths: width of each layer.
        dropout: probability after each layer; a list has one for each layer.
        name: name of the activation.
        batch_norm: BatchNorm before each activation.

    Returns:
        The layers, and the number of outputs of the last.

    Raises:
        UserError: `dropout` is a list of another length, or the activation is unknown.
    """
    layers: list[nn.Module] = []
    for width, probability in zip(widths, dropouts(dropout, len(widths)), strict=True):
        layers.append(nn.Linear(size, width, bias=not batch_norm))  # BatchNorm has a bias of its own
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation(name))
        if probability:
            layers.append(nn.Dropout(probability))
        size = width
    return layers, size


def dropouts(dropout: float | list[float], layers: int) -> list[float]:
    """Dropout probability after each of `layers` hidden layers, from one number for all or a list.

    Raises:
        UserError: the list has another length.
    """
    if why := input_checks.dropouts(dropout, layers):
        raise UserError(f"the model needs {why}")
    return [dropout] * layers if isinstance(dropout, int | float) else list(dropout)
