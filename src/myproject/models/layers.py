"""Layers that several networks share."""

from torch import nn

from leyden import Activation, UserError, make_activation
from myproject.models import input_checks


def dense(
    size: int, widths: list[int], dropout: float | list[float], activation: Activation, batch_norm: bool = False
) -> tuple[list[nn.Module], int]:
    """Hidden dense layers, each with optional BatchNorm, activation and dropout.

    Args:
        size: number of inputs.
        widths: width of each layer.
        dropout: probability after each layer; a list has one for each layer.
        activation: after each layer.
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
        layers.append(make_activation(activation))
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
