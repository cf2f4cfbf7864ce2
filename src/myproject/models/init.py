"""Initialisers of your own: functions of the network, as in `model.init=myproject.models.init.zero_output`.

Those of torch.nn.init need no function: `model.init=xavier_normal_`, `model.init={normal_: {std: 0.01}}`.
"""

from torch import nn

from leyden import initialise


def zero_output(network: nn.Module, hidden: str = "kaiming") -> None:
    """Zero the last dense layer, so that the first outputs are equal for all inputs.

    Goyal et al. (2017), Accurate, large minibatch SGD, section 5.1, use it for the last layer of each residual block.

    Args:
        network: with dense layers.
        hidden: initialisation of the other layers.
    """
    initialise(network, hidden)
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    nn.init.zeros_(last.weight)
