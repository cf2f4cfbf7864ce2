"""Classification networks of torchvision: found by name, built for an image size, with parts that can be frozen."""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum, get_model, get_model_weights, list_models

from leyden.models.torchvision_inputs import is_name
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean


def find_weights(name: str, weights: str | None) -> WeightsEnum | None:
    """The weights of torchvision by name; None for those of a file, or for no weights.

    Raises:
        UserError: torchvision has no such network, or no such weights for it.
    """
    names = list_models(module=torchvision.models)
    if name not in names:
        raise UserError(
            f"model.name={name}: torchvision has no such network"
            + did_you_mean(name, names, lambda name: f"model.name={name}")
        )
    if not is_name(weights):
        return None
    # Weights without classes are of the convolutions only, with NaN for the rest.
    known = {key: member for key, member in get_model_weights(name).__members__.items() if member.meta["categories"]}
    if weights not in known:
        raise UserError(
            f"model.weights={weights}: {name} has no such weights"
            + did_you_mean(str(weights), known, lambda name: f"model.weights={name}")
        )
    return known[weights]


def make_backbone(name: str, weights: WeightsEnum | None, input_shape: tuple[int, ...], load: bool) -> nn.Module:
    """The network of torchvision, with one head, for images of this size or of the size of the weights.

    Args:
        load: read the weights; otherwise they only decide the network's structure.

    Raises:
        UserError: the file of the weights cannot be downloaded or read.
    """
    height, width = weights.transforms().crop_size * 2 if weights else input_shape[1:]
    settings: dict[str, Any] = {}
    if name.startswith("vit"):
        settings["image_size"] = height
    elif name.startswith("maxvit"):
        settings["input_size"] = (height, width)
    elif name in ("googlenet", "inception_v3"):
        settings["transform_input"] = weights is not None
        if weights is None or not load:
            settings["init_weights"] = True
    try:
        network: nn.Module = get_model(name, weights=weights if load else None, **settings)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        if weights is None or not load:
            raise
        file = Path(torch.hub.get_dir(), "checkpoints", weights.url.rpartition("/")[2])
        if file.exists():
            what = f"{file} cannot be read; delete it, and it is downloaded again"
        else:
            what = f"{weights.url} cannot be downloaded ({' '.join(str(error).split())}); put it at {file}"
        raise UserError(f"model.weights={weights.name}: {what}") from error
    for auxiliary in ("AuxLogits", "aux1", "aux2"):  # further heads, of GoogLeNet and Inception
        if hasattr(network, auxiliary):
            setattr(network, auxiliary, None)
            network.aux_logits = False  # type: ignore[assignment]
    return network


def layers(network: nn.Module) -> tuple[str, str]:
    """The names of the first convolution, and of the layer that makes logits: dense, or SqueezeNet's convolution."""
    convolutions = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    dense = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return convolutions[0], (dense or convolutions)[-1]


def fit_first_layer(network: nn.Module, name: str, channels: int, small: bool) -> None:
    """Replace the first layer for the number of channels; in a ResNet's stem, small images keep their size.

    He et al. (2016), Deep residual learning for image recognition: a 3×3 convolution on CIFAR-10 (section 4.2).
    """
    old = network.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    if small:
        network.set_submodule("maxpool", nn.Identity())
    elif channels == old.in_channels:
        return
    new = nn.Conv2d(
        channels,
        old.out_channels,
        kernel_size=3 if small else old.kernel_size,  # type: ignore[arg-type]
        stride=1 if small else old.stride,  # type: ignore[arg-type]
        padding=1 if small else old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")  # as torchvision initialises most networks
    network.set_submodule(name, new)


def frozen_part(network: nn.Module, freeze: str) -> tuple[list[nn.Module], list[nn.Parameter]]:
    """The modules and parameters that a setting freezes: none; backbone; or until:<layer>, everything before it.

    The order is that of registration, which is the order of computation in torchvision's networks.

    Raises:
        UserError: the setting is unknown, the layer does not exist, or nothing comes before it.
    """
    modules = dict(network.named_modules())
    names = list(modules)
    if freeze == "none":
        return [], []
    if freeze == "backbone":
        return list(modules.values()), list(network.parameters())
    until = re.fullmatch(r"until[=:](.+)", freeze)  # Hydra does not read an unquoted = in a value
    if until is None:
        raise UserError(f"model.freeze={freeze}: must be none, backbone or until:<layer>")
    layer = until[1]
    if layer not in names:
        known = [name for name in names if name and name.count(".") < 2]
        raise UserError(
            f"model.freeze={freeze}: there is no layer {layer}"
            + did_you_mean(layer, known, lambda name: f"model.freeze=until:{name}")
        )
    before = names[: names.index(layer)]
    parameters = [p for name in before for p in modules[name].parameters(recurse=False)]
    if not parameters:
        raise UserError(f"model.freeze={freeze}: no parameter comes before {layer}; set model.freeze=none")
    whole = [name for name in before if name and not layer.startswith(f"{name}.")]
    return [modules[name] for name in whole], parameters
