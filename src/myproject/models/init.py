"""Weight initialisation by name."""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import init as fill

from leyden import UserError

_WEIGHTS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d
_NORMS = nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm

Scheme = Literal[
    "default",
    "xavier",
    "xavier_normal",
    "kaiming",
    "kaiming_uniform",
    "lecun",
    "orthogonal",
    "normal",
    "truncated_normal",
]

SCHEMES: dict[str, Callable[[Tensor], object]] = {
    "xavier": fill.xavier_uniform_,  # Glorot, Bengio (2010)
    "xavier_normal": fill.xavier_normal_,
    "kaiming": lambda weight: fill.kaiming_normal_(weight, nonlinearity="relu"),  # He et al. (2015)
    "kaiming_uniform": lambda weight: fill.kaiming_uniform_(weight, nonlinearity="relu"),
    "lecun": lambda weight: fill.kaiming_normal_(weight, nonlinearity="linear"),  # LeCun et al. (1998)
    "orthogonal": fill.orthogonal_,  # Saxe, McClelland, Ganguli (2013)
    "normal": lambda weight: fill.normal_(weight, std=0.02),
    "truncated_normal": lambda weight: fill.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04),  # at two deviations
}


def initialise(network: nn.Module, scheme: Scheme) -> None:
    """Initialise dense and convolutional weights by a scheme and their biases with 0; norms start as identity.

    Args:
        scheme: `default` keeps PyTorch's own initialisation.

    Raises:
        UserError: the scheme is unknown.
    """
    if scheme == "default":
        return
    if scheme not in SCHEMES:
        raise UserError(f"model.init={scheme}: must be one of {', '.join(get_args(Scheme))}")
    for layer in network.modules():
        if isinstance(layer, _WEIGHTS):
            SCHEMES[scheme](layer.weight)
            if layer.bias is not None:
                fill.zeros_(layer.bias)
        elif isinstance(layer, _NORMS) and layer.weight is not None:
            fill.ones_(layer.weight)
            if layer.bias is not None:
                fill.zeros_(layer.bias)
