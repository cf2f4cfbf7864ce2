"""One matrix and a bias: softmax regression when the loss is cross entropy, linear regression when it is squared."""

import math

from torch import Tensor, nn

from myproject.models.init import Scheme, initialise


class Linear(nn.Module):
    """An affine map of the flattened input.

    Args:
        input_shape: of one input, without the batch.
        output_size: values for each input.
        init: how the weights start; see `myproject.models.init`.
    """

    def __init__(self, input_shape: tuple[int, ...], output_size: int, init: Scheme = "default") -> None:
        super().__init__()
        self.output = nn.Linear(math.prod(input_shape), output_size)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) -> (B, output_size)."""
        logits: Tensor = self.output(x.flatten(1))
        return logits
