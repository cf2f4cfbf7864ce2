"""Network as a list of torch's layers by name, with sizes that follow from the input."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from leyden.config.signature import signature_of
from leyden.models.initialisers import initialise
from leyden.models.notation import (
    INFERRED,
    LAYERS,
    OUTPUT_SIZE,
    Activation,
    Init,
    LayerList,
    activation_names,
    arguments,
    check_activation,
    check_layers,
    exact,
    layer_names,
    read_call,
)
from leyden.system.errors import UserError
from leyden.system.override_text import as_text


class Layers(nn.Sequential):
    """Layers of torch.nn in a row.

    [Flatten, {Linear: 128}, ReLU, {Dropout: 0.2}, {Linear: output_size}]

    The size of a layer's input is left out, as it follows from the layer before; the number of outputs that the task
    needs is `output_size`. Names of arguments and their order are those of torch.nn.

    Args:
        input_shape: shape of one input, without the batch.
        output_size: number of outputs.
        layers: names of classes of torch.nn, or mappings of one name to its arguments.
        init: weight initialisation; see `initialise`.

    Raises:
        UserError: a layer or an argument is unknown, or a layer does not take what the one before makes.
    """

    def __init__(
        self, input_shape: tuple[int, ...], output_size: int, layers: LayerList, init: Init = "default"
    ) -> None:
        if why := check_layers("model.layers", layers):
            raise UserError(why)
        x, modules = torch.zeros(2, *input_shape), list[nn.Module]()
        for place, entry in enumerate(layers):
            where = f"model.layers.{place}={as_text(entry)}"
            modules.append(_layer(entry, x, output_size, where))
            x = _output(modules[-1], x, where)
        super().__init__(*modules)
        self.train()
        initialise(self, init)
        if len(input_shape) == 3:
            self.to(memory_format=torch.channels_last)  # convolutions run up to twice as fast in this layout


def make_activation(activation: Activation, setting: str = "model.activation") -> nn.Module:
    """New activation layer of torch.nn by its name, as `relu`, `LeakyReLU` or `{LeakyReLU: {negative_slope: 0.2}}`.

    Raises:
        UserError: the name or an argument is unknown.
    """
    if why := check_activation(setting, activation):
        raise UserError(why)
    call = read_call(activation)
    name = exact(call.name, activation_names())
    assert name is not None
    return _made(name, arguments(call, f"{LAYERS}.{name}"), f"{setting}={as_text(activation)}")


def _layer(entry: Any, x: Tensor, output_size: int, where: str) -> nn.Module:
    """The layer of an entry for inputs like x."""
    call = read_call(entry)
    name = exact(call.name, layer_names())
    assert name is not None
    settings = arguments(call, f"{LAYERS}.{name}", INFERRED)
    settings = {key: output_size if value == OUTPUT_SIZE else value for key, value in settings.items()}
    return _made(name, _inferred(name, settings, x.shape) | settings, where)


def _inferred(name: str, settings: dict[str, Any], shape: Sequence[int]) -> dict[str, Any]:
    """The arguments of a layer that follow from the shape of its input, (B, ...), and are not among its settings."""
    signature = signature_of(f"{LAYERS}.{name}")
    own = [key for key in signature.parameters if key in INFERRED and key not in settings] if signature else []
    sizes: dict[str, Any] = {key: shape[INFERRED[key]] for key in own if len(shape) > 1}
    if "normalized_shape" in sizes and len(shape) == 4:
        sizes["normalized_shape"] = list(shape[1:])  # the whole image
    return sizes


def _made(name: str, settings: dict[str, Any], where: str) -> nn.Module:
    try:
        module: nn.Module = getattr(nn, name)(**settings)
    except Exception as error:  # a class meets settings of any size
        raise UserError(f"{where}: cannot be built ({' '.join(str(error).split())})") from error
    return module


def _output(module: nn.Module, x: Tensor, where: str) -> Tensor:
    """What a layer makes of two inputs like x, in evaluation mode, so that no statistics move."""
    x = x.long() if isinstance(module, nn.Embedding | nn.EmbeddingBag) else x
    try:
        with torch.no_grad():
            output = module.eval()(x)
    except Exception as error:  # layers refuse a shape in many ways
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{where}: does not take a batch of shape {tuple(x.shape)} ({why[:200]})") from error
    if not isinstance(output, Tensor):
        raise UserError(f"{where}: makes a {type(output).__name__}, and the layers in a list make one tensor each")
    return output
