"""Dense layers, one after another."""

import math

from torch import Tensor, nn

from leyden.models.init import Scheme, initialise
from leyden.models.layers import Activation, dropouts
from leyden.models.layers import activation as make_activation


class MLP(nn.Module):
    """A multi-layer perceptron: dense, BatchNorm, activation, dropout; and a dense layer to end with.

    Args:
        input_shape: of one input, without the batch; it is flattened.
        output_size: values for each input.
        hidden_sizes: the width of each hidden layer; with none, the network is a linear one.
        batch_norm: normalise before each activation.
        dropout: the probability after each hidden layer, or a list with one for each.
        activation: by name; see `leyden.models.layers`.
        init: how the weights start; see `leyden.models.init`.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_size: int,
        hidden_sizes: list[int],
        batch_norm: bool = True,
        dropout: float | list[float] = 0.0,
        activation: Activation = "relu",
        init: Scheme = "default",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        size = math.prod(input_shape)
        for width, probability in zip(hidden_sizes, dropouts(dropout, len(hidden_sizes)), strict=True):
            layers.append(nn.Linear(size, width, bias=not batch_norm))  # BatchNorm has a bias of its own
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(make_activation(activation))
            if probability:
                layers.append(nn.Dropout(probability))
            size = width
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(size, output_size)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) -> (B, output_size)."""
        logits: Tensor = self.output(self.hidden(x))
        return logits
