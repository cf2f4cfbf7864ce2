"""Multi-layer perceptron."""

import math
from typing import ClassVar

from torch import Tensor, nn

from leyden import Activation, Init, initialise
from myproject.models import input_checks
from myproject.models.layers import dense


class MLP(nn.Module):
    """Hidden layers of dense, BatchNorm, activation and dropout, then a dense output layer.

    Args:
        input_shape: shape of one input, without the batch; inputs are flattened.
        output_size: number of outputs.
        hidden_sizes: width of each hidden layer; an empty list gives a linear model.
        batch_norm: BatchNorm before each activation.
        dropout: probability after each hidden layer; a list has one for each layer.
        activation: of torch.nn by name, as relu, gelu or {LeakyReLU: 0.2}.
        init: weight initialisation by name; see `leyden.initialise`.
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
        init: Init = "default",
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
