"""A picture through a narrow code and back."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from leyden import UserError
from myproject.models import input_checks
from myproject.models.init import Scheme, initialise
from myproject.models.layers import Activation
from myproject.models.layers import activation as make_activation


class AutoEncoder(nn.Module):
    """Convolutions that halve the picture, a dense layer to the code, and the same way back.

    Hinton, Salakhutdinov (2006), Reducing the dimensionality of data with neural networks; here with convolutions of
    stride 2, after Masci et al. (2011), and trained all at once. The last layer is linear, since pictures are
    normalised.

    Args:
        input_shape: (channels, height, width), of any height and width.
        output_size: channels × height × width: the picture, flattened.
        channels: of each convolution; each halves the picture, rounding up.
        code_size: values of the code.
        batch_norm: normalise before each activation.
        activation: by name; see `myproject.models.layers`.
        init: how the weights start; see `myproject.models.init`.

    Raises:
        UserError: the input is no picture, or the output is not to be one of the same shape.
    """

    LIMITS: ClassVar = {"channels": ">= 1", "code_size": ">= 1"}
    check_input = staticmethod(input_checks.autoencoder)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_size: int,
        channels: list[int],
        code_size: int,
        batch_norm: bool = False,
        activation: Activation = "relu",
        init: Scheme = "default",
    ) -> None:
        super().__init__()
        why = input_checks.autoencoder(input_shape, channels)
        if why:
            raise UserError(f"model AutoEncoder needs {why}")
        if output_size != math.prod(input_shape):
            raise UserError(
                f"model AutoEncoder needs as many outputs as the picture has values, {math.prod(input_shape)}, "
                f"and the task asks for {output_size}; try task=reconstruction"
            )
        depth, height, width = input_shape
        down: list[nn.Module] = []
        up: list[nn.Module] = []  # from the last layer to the first
        for out in channels:
            down.append(nn.Conv2d(depth, out, kernel_size=3, stride=2, padding=1, bias=not batch_norm))
            down += [nn.BatchNorm2d(out)] * batch_norm + [make_activation(activation)]
            first = not up  # the layer that draws the picture: nothing comes after it
            if not first:
                up += [make_activation(activation)] + [nn.BatchNorm2d(depth)] * batch_norm
            even = (1 - height % 2, 1 - width % 2)  # both 2n and 2n − 1 pixels were halved to n
            up.append(
                nn.ConvTranspose2d(out, depth, 3, 2, padding=1, output_padding=even, bias=first or not batch_norm)
            )
            depth, height, width = out, math.ceil(height / 2), math.ceil(width / 2)
        size = depth * height * width
        up += [nn.Unflatten(1, (depth, height, width)), make_activation(activation), nn.Linear(code_size, size)]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(size, code_size))
        self.decoder = nn.Sequential(*reversed(up))
        initialise(self, init)
        self.to(memory_format=torch.channels_last)  # convolutions run up to twice as fast in this layout

    def encode(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, code_size)."""
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(B, code_size) -> (B, channels, height, width)."""
        picture: Tensor = self.decoder(code)
        return picture

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, channels × height × width), the picture that the code tells of."""
        return self.decode(self.encode(x)).flatten(1)
