"""Linear model: softmax regression with cross entropy, linear regression with squared error."""

import math

from torch import Tensor, nn

from leyden import Init, initialise


class Linear(nn.Module):
    """Affine map of the flattened input.

    Args:
        input_shape: shape of one input, without the batch.
        output_size: number of outputs.
        init: weight initialisation by name; see `leyden.initialise`.
    """

    def __init__(self, input_shape: tuple[int, ...], output_size: int, init: Init = "default") -> None:
        super().__init__()
        self.output = nn.Linear(math.prod(input_shape), output_size)
        initialise(self, init)

    @property
    def coefficients(self) -> Tensor:
        """Weights (output_size, inputs), which a run shows in the units of a table's columns."""
        return self.output.weight

    @property
    def intercept(self) -> Tensor:
        """Biases (output_size,), which belong to the coefficients."""
        return self.output.bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) -> (B, output_size)."""
        logits: Tensor = self.output(x.flatten(1))
        return logits
