"""What a network asks of its input, as plain arithmetic: a misfit is refused before torch is imported.

The networks call the same functions, so that nothing is said twice. A network without a line here takes everything.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

VGG_LAYERS: dict[str, list[int | str]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}  # Simonyan & Zisserman (2015), table 1: 11, 13, 16 and 19 layers with weights
_SMALLEST = {  # pixels a side, where torchvision's network runs out of them; all others take any picture
    "alexnet": 63,
    "convnext": 32,
    "densenet": 29,
    "googlenet": 15,
    "inception": 75,
    "squeezenet1_0": 21,
    "squeezenet1_1": 17,
    "swin": 4,
    "vgg": 32,
}


def dropouts(dropout: float | Sequence[float], layers: int) -> str | None:
    """One probability for all hidden layers, or one for each."""
    if isinstance(dropout, int | float) or len(dropout) == layers:
        return None
    one = dropout[0] if dropout else 0.0
    return (
        f"one dropout, or one for each of {layers} hidden layers; model.dropout={_list(dropout)} has {len(dropout)}; "
        f"write model.dropout={one}"
    )


def mlp(
    input_shape: Sequence[int], hidden_sizes: Sequence[int] = (), dropout: float | Sequence[float] = 0.0, **_: Any
) -> str | None:
    """Any shape; as many dropouts as hidden layers."""
    return dropouts(dropout, len(hidden_sizes))


def cnn(
    input_shape: Sequence[int],
    channels: Sequence[int] = (),
    hidden_sizes: Sequence[int] = (),
    dropout: float | Sequence[float] = 0.0,
    **_: Any,
) -> str | None:
    """Channels, height and width; each pooling halves the picture, and at least one pixel must be left."""
    if len(input_shape) != 3:
        return _picture(input_shape)
    deepest = _halvings(input_shape)
    if len(channels) > deepest:
        return (
            f"a picture that can be halved {len(channels)} times, once for each of channels={list(channels)}, and "
            f"{input_shape[1]}×{input_shape[2]} can be halved {deepest} times; give {deepest} channels or fewer"
        )
    return dropouts(dropout, len(hidden_sizes))


def vgg(
    input_shape: Sequence[int],
    layers: Sequence[int | str] | str = (),
    hidden_sizes: Sequence[int] = (),
    dropout: float | Sequence[float] = 0.0,
    **_: Any,
) -> str | None:
    """Layers that are known; and a picture with at least one pixel left after every M, which halves it."""
    if isinstance(layers, str):
        if layers not in VGG_LAYERS:
            return f"layers={layers} to be a list, or one of {', '.join(VGG_LAYERS)}"
        layers = VGG_LAYERS[layers]
    for entry in layers:
        if entry != "M" and (not isinstance(entry, int) or isinstance(entry, bool) or entry < 1):
            return f"layers of channels, above 0, and M for a pooling; {entry} in {_list(layers)} is neither"
    if len(input_shape) != 3:
        return _picture(input_shape)
    poolings = [place for place, entry in enumerate(layers) if entry == "M"]
    deepest = _halvings(input_shape)
    if len(poolings) > deepest:
        return (
            f"a picture that can be halved {len(poolings)} times, once for each M of its layers, and "
            f"{input_shape[1]}×{input_shape[2]} can be halved {deepest} times; "
            f"try 'model.layers={_list(layers[: poolings[deepest]])}'"
        )
    return dropouts(dropout, len(hidden_sizes))


def autoencoder(input_shape: Sequence[int], channels: Sequence[int] = (1,), **_: Any) -> str | None:
    """Channels, height and width, of any size; one convolution at least."""
    if len(input_shape) != 3:
        return _picture(input_shape)
    return None if channels else "one convolution at least; give channels"


def pretrained(input_shape: Sequence[int], name: str = "resnet18", weights: str | None = None, **_: Any) -> str | None:
    """A picture; grey or in colour for torchvision's weights, and without them not smaller than the network bears."""
    if len(input_shape) != 3:
        return _picture(input_shape)
    channels, height, width = input_shape
    if is_name(weights):  # pictures are brought to the size that these were trained with
        if channels not in (1, 3):
            return f"a picture of 1 or 3 channels for weights={weights}, and this one has {channels}; set weights=null"
        return None
    size, remedy = f"{height}×{width}", "try model.name=resnet18"
    smallest = next((side for start, side in _SMALLEST.items() if name.startswith(start)), 1)
    if min(height, width) < smallest:
        return f"a picture of {smallest} pixels a side for {name}, and this one is {size}; {remedy}"
    patch = int(name.rpartition("_")[2]) if re.fullmatch(r"vit_\w_\d+", name) else 0
    if patch and (height != width or height % patch):
        return f"a square of patches of {patch} pixels for {name}, and this picture is {size}; {remedy}"
    if name.startswith("maxvit") and (height % 224 or width % 224):
        return f"a side of 224 pixels, or a multiple, for {name}, and this picture is {size}; {remedy}"
    return None


def is_name(weights: str | None) -> bool:
    """Whether weights are torchvision's, by name, and not a file or none."""
    return weights is not None and re.search(r"[./\\]", weights) is None


def _picture(input_shape: Sequence[int]) -> str:
    shape = str(tuple(input_shape)).replace("'", "")  # a table's features have no number before they are read
    return f"a picture (channels, height, width), and this input has the shape {shape}; try model=mlp"


def _halvings(input_shape: Sequence[int]) -> int:
    return min(input_shape[1:]).bit_length() - 1


def _list(entries: Sequence[float | str]) -> str:
    """As it is typed on the command line."""
    return f"[{','.join(map(str, entries))}]"


REQUIREMENTS: dict[str, Callable[..., str | None]] = {
    "myproject.models.autoencoder.AutoEncoder": autoencoder,
    "myproject.models.cnn.CNN": cnn,
    "myproject.models.mlp.MLP": mlp,
    "myproject.models.pretrained.Pretrained": pretrained,
    "myproject.models.vgg.VGG": vgg,
}


def misfit(target: str, input_shape: Sequence[int], settings: Mapping[str, Any]) -> str | None:
    """The sentence that refuses a network for an input, or None where they fit."""
    requirement = REQUIREMENTS.get(target)
    asked = (
        requirement(input_shape, **{k: v for k, v in settings.items() if not k.startswith("_")})
        if requirement
        else None
    )
    return f"model {target.rpartition('.')[2]} needs {asked}" if asked else None
