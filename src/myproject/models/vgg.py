"""VGG: 3×3 convolutions and poolings from a list, then dense layers."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from leyden import Activation, Init, initialise, make_activation
from myproject.models import input_checks
from myproject.models.layers import dense


class VGG(nn.Module):
    """A 3×3 convolution for each number in `layers`, 2×2 max pooling for each `M`, then dense layers.

    Simonyan, Zisserman (2015), Very deep convolutional networks for large-scale image recognition, with hidden_sizes
    [4096, 4096] and no BatchNorm; its five poolings leave one pixel of 32×32.

    Args:
        input_shape: (channels, height, width).
        output_size: number of outputs.
        layers: list such as [64, M, 128, M], or a configuration of the paper: A, B, D or E (11, 13, 16, 19 layers).
        hidden_sizes: width of each dense layer before the last.
        batch_norm: BatchNorm after each convolution.
        dropout: probability after each hidden dense layer; a list has one for each layer.
        activation: of torch.nn by name, as relu, gelu or {LeakyReLU: 0.2}.
        init: weight initialisation by name; see `leyden.initialise`.

    Raises:
        UserError: an unknown entry in `layers`; the input is not an image, or too small for that many poolings.
    """

    LIMITS: ClassVar = {"hidden_sizes": ">= 1"}
    check_input = staticmethod(input_checks.vgg)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_size: int,
        layers: list[int | str] | str,
        hidden_sizes: list[int],
        batch_norm: bool = True,
        dropout: float | list[float] = 0.0,
        activation: Activation = "relu",
        init: Init = "kaiming",
    ) -> None:
        super().__init__()
        input_checks.require("VGG", input_checks.vgg(input_shape, layers))
        depth, height, width = input_shape
        modules: list[nn.Module] = []
        for entry in input_checks.VGG_LAYERS[layers] if isinstance(layers, str) else layers:
            if isinstance(entry, str):  # M
                modules.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
                continue
            modules.append(nn.Conv2d(depth, entry, kernel_size=3, padding=1, bias=not batch_norm))
            if batch_norm:
                modules.append(nn.BatchNorm2d(entry))
            modules.append(make_activation(activation))
            depth = entry
        hidden, size = dense(depth * height * width, hidden_sizes, dropout, activation)
        self.hidden = nn.Sequential(*modules, nn.Flatten(), *hidden)
        self.output = nn.Linear(size, output_size)
        initialise(self, init)
        self.to(memory_format=torch.channels_last)  # convolutions run up to twice as fast in this layout

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, output_size)."""
        logits: Tensor = self.output(self.hidden(x))
        return logits
