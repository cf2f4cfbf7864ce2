"""Input requirements of the networks, so that data that do not fit are refused before torch is imported.

A network names its function as `check_input`; a network without one takes inputs of any shape. Each function gets the
input shape and the network's settings and returns the end of the sentence "model CNN needs …", or None.
"""

from collections.abc import Sequence
from typing import Any

from leyden import UserError, image_needed

VGG_LAYERS: dict[str, list[int | str]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}  # Simonyan & Zisserman (2015), table 1: 11, 13, 16 and 19 layers with weights


def require(network: str, needs: str | None) -> None:
    """Refuse to build a network; `needs` is what its check returned.

    Raises:
        UserError: it is not None.
    """
    if needs:
        raise UserError(f"model {network} needs {needs}")


def dropouts(dropout: float | Sequence[float], layers: int) -> str | None:
    """Needs one probability for all hidden layers, or one for each."""
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
    """Takes any shape; needs as many dropouts as hidden layers."""
    return dropouts(dropout, len(hidden_sizes))


def cnn(
    input_shape: Sequence[int],
    channels: Sequence[int] = (),
    hidden_sizes: Sequence[int] = (),
    dropout: float | Sequence[float] = 0.0,
    **_: Any,
) -> str | None:
    """Needs channels, height and width; each pooling halves the image, and at least one pixel must remain."""
    if len(input_shape) != 3:
        return image_needed(input_shape)
    deepest = _halvings(input_shape)
    if len(channels) > deepest:
        return (
            f"an image that can be halved {len(channels)} times, once for each of channels={list(channels)}, and "
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
    """Needs known layers, and an image of which at least one pixel remains after every M, which halves it."""
    if isinstance(layers, str):
        if layers not in VGG_LAYERS:
            return f"layers={layers} to be a list, or one of {', '.join(VGG_LAYERS)}"
        layers = VGG_LAYERS[layers]
    for entry in layers:
        if entry != "M" and (not isinstance(entry, int) or isinstance(entry, bool) or entry < 1):
            return f"layers of channels, above 0, and M for a pooling; {entry} in {_list(layers)} is neither"
    if len(input_shape) != 3:
        return image_needed(input_shape)
    poolings = [place for place, entry in enumerate(layers) if entry == "M"]
    deepest = _halvings(input_shape)
    if len(poolings) > deepest:
        return (
            f"an image that can be halved {len(poolings)} times, once for each M of its layers, and "
            f"{input_shape[1]}×{input_shape[2]} can be halved {deepest} times; "
            f"try 'model.layers={_list(layers[: poolings[deepest]])}'"
        )
    return dropouts(dropout, len(hidden_sizes))


def autoencoder(input_shape: Sequence[int], channels: Sequence[int] = (1,), **_: Any) -> str | None:
    """Needs channels, height and width of any size, and at least one convolution."""
    if len(input_shape) != 3:
        return image_needed(input_shape)
    return None if channels else "one convolution at least; give channels"


def _halvings(input_shape: Sequence[int]) -> int:
    return min(input_shape[1:]).bit_length() - 1


def _list(entries: Sequence[float | str]) -> str:
    """A list as on the command line."""
    return f"[{','.join(map(str, entries))}]"
