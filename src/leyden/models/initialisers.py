"""Initialisation of a network by a scheme, a function of torch.nn.init, or one of the project."""

from typing import Any

from torch import Tensor, nn
from torch.nn import init as fill

from leyden.models.notation import FILLS, SCHEMES, Init, arguments, check_init, exact, fill_names, read_call
from leyden.records.project_functions import project_function
from leyden.system.errors import UserError

_CONVOLUTIONS = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
_NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm | nn.LayerNorm | nn.GroupNorm


def initialise(network: nn.Module, init: Init, setting: str = "model.init") -> None:
    """Initialise the dense and convolutional weights of a network, with biases of 0 and norms that start as identity.

    Args:
        network: or a part of one.
        init: `default`, which keeps PyTorch's own initialisation; a scheme such as xavier, kaiming or orthogonal; a
            function of torch.nn.init, as `xavier_normal_` or `{normal_: {std: 0.01}}`; or a function of the project by
            its dotted name, which gets the network and its arguments, and initialises what it likes.
        setting: name of the setting, for messages.

    Raises:
        UserError: the name or an argument is unknown, or the function does not take a weight of the network.
    """
    if why := check_init(setting, init):
        raise UserError(why)
    call = read_call(init)
    if call.name == "default":
        return
    if "." in call.name:
        project_function(call.name, "model", setting)(network, *call.args, **call.kwargs)
        return
    name, settings = SCHEMES.get(call.name) or (exact(call.name, fill_names()) or "", {})
    settings = settings or arguments(call, f"{FILLS}.{name}", ("tensor",))
    for layer in network.modules():
        if isinstance(layer, nn.Linear | _CONVOLUTIONS):
            _fill(layer.weight, name, settings, f"{setting}={call.name}", type(layer).__name__)
        elif not isinstance(layer, _NORMS) or layer.weight is None:
            continue
        else:
            fill.ones_(layer.weight)
        if layer.bias is not None:
            fill.zeros_(layer.bias)


def _fill(weight: Tensor, name: str, settings: dict[str, Any], setting: str, layer: str) -> None:
    try:
        getattr(fill, name)(weight, **settings)
    except (ValueError, TypeError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{setting}: cannot fill a {layer} weight of shape {tuple(weight.shape)} ({why})") from error
