"""Convolutional autoencoder."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from leyden import Activation, Init, UserError, initialise, make_activation
from myproject.models import input_checks


class AutoEncoder(nn.Module):
    """Strided convolutions and a dense layer to the code; a decoder with the same layers in reverse.

    Hinton, Salakhutdinov (2006), Reducing the dimensionality of data with neural networks; here with convolutions of
    stride 2, after Masci et al. (2011), and trained all at once. The last layer is linear, since images are
    normalised.

    Args:
        input_shape: (channels, height, width), of any height and width.
        output_size: channels × height × width, the size of the flattened image.
        channels: output channels of each convolution; each halves the image, rounding up.
        code_size: dimension of the code.
        batch_norm: BatchNorm before each activation.
        activation: of torch.nn by name, as relu, gelu or {LeakyReLU: 0.2}.
        init: weight initialisation by name; see `leyden.initialise`.

    Raises:
        UserError: the input is not an image, or `output_size` is not its size.
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
        init: Init = "default",
    ) -> None:
        super().__init__()
        input_checks.require("AutoEncoder", input_checks.autoencoder(input_shape, channels))
        if output_size != math.prod(input_shape):
            raise UserError(
                f"model AutoEncoder needs as many outputs as the image has values, {math.prod(input_shape)}, "
                f"and the task asks for {output_size}; try task=reconstruction"
            )
        depth, height, width = input_shape
        down: list[nn.Module] = []
        up: list[nn.Module] = []  # from the last layer to the first
        for out in channels:
            down.append(nn.Conv2d(depth, out, kernel_size=3, stride=2, padding=1, bias=not batch_norm))
            down += [nn.BatchNorm2d(out)] * batch_norm + [make_activation(activation)]
            first = not up  # the output layer: nothing comes after it
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
        image: Tensor = self.decoder(code)
        return image

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, channels × height × width), the reconstruction."""
        return self.decode(self.encode(x)).flatten(1)
