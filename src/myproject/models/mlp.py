"""Dense layers, one after another."""

import math
from typing import ClassVar

from torch import Tensor, nn

from myproject.models import input_checks
from myproject.models.init import Scheme, initialise
from myproject.models.layers import Activation, dense


class MLP(nn.Module):
    """A multi-layer perceptron: dense, BatchNorm, activation, dropout; and a dense layer to end with.

    Args:
        input_shape: of one input, without the batch; it is flattened.
        output_size: values for each input.
        hidden_sizes: the width of each hidden layer; with none, the network is a linear one.
        batch_norm: normalise before each activation.
        dropout: the probability after each hidden layer, or a list with one for each.
        activation: by name; see `myproject.models.layers`.
        init: how the weights start; see `myproject.models.init`.
    """

    LIMITS: ClassVar = {"hidden_sizes": ">= 1"}  # checked before the network is built
    check_input = staticmethod(input_checks.mlp)

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
        hidden, size = dense(math.prod(input_shape), hidden_sizes, dropout, activation, batch_norm)
        self.hidden = nn.Sequential(nn.Flatten(), *hidden)
        self.output = nn.Linear(size, output_size)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) -> (B, output_size)."""
        logits: Tensor = self.output(self.hidden(x))
        return logits
