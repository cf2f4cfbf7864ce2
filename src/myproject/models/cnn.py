"""Convolutional network in the pattern of LeNet-5."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from leyden import Activation, Init, initialise, make_activation
from myproject.models import input_checks
from myproject.models.layers import dense


class CNN(nn.Module):
    """Convolution, activation and 2×2 max pooling for each entry of `channels`, then dense layers.

    LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied to document recognition: LeNet-5 has
    channels [6, 16] and hidden_sizes [120, 84]; here its second convolution is padded like the first.

    Args:
        input_shape: (channels, height, width).
        output_size: number of outputs.
        channels: output channels of each convolution.
        hidden_sizes: width of each dense layer before the last.
        kernel_size: odd; the convolutions are padded to keep the image size.
        batch_norm: BatchNorm before each activation.
        dropout: probability after each hidden dense layer; a list has one for each layer.
        activation: of torch.nn by name, as relu, gelu or {LeakyReLU: 0.2}.
        init: weight initialisation by name; see `leyden.initialise`.

    Raises:
        UserError: the input is not an image, or too small for that many poolings.
    """

    LIMITS: ClassVar = {"channels": ">= 1", "hidden_sizes": ">= 1"}
    check_input = staticmethod(input_checks.cnn)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_size: int,
        channels: list[int],
        hidden_sizes: list[int],
        kernel_size: int = 5,
        batch_norm: bool = False,
        dropout: float | list[float] = 0.0,
        activation: Activation = "relu",
        init: Init = "default",
    ) -> None:
        super().__init__()
        input_checks.require("CNN", input_checks.cnn(input_shape, channels))
        depth, height, width = input_shape
        layers: list[nn.Module] = []
        for out in channels:
            layers.append(nn.Conv2d(depth, out, kernel_size, padding="same", bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out))
            layers += [make_activation(activation), nn.MaxPool2d(2)]
            depth, height, width = out, height // 2, width // 2
        hidden, size = dense(depth * height * width, hidden_sizes, dropout, activation)
        self.hidden = nn.Sequential(*layers, nn.Flatten(), *hidden)
        self.output = nn.Linear(size, output_size)
        initialise(self, init)
        self.to(memory_format=torch.channels_last)  # convolutions run up to twice as fast in this layout

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, output_size)."""
        logits: Tensor = self.output(self.hidden(x))
        return logits
