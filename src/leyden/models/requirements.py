"""What a network asks of its input, as plain arithmetic: a misfit is refused before torch is imported.

The networks call the same functions, so that nothing is said twice. A network without a line here takes everything.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def cnn(input_shape: Sequence[int], channels: Sequence[int] = (), **_: Any) -> str | None:
    """Channels, height and width; each pooling halves the picture, and at least one pixel must be left."""
    if len(input_shape) != 3:
        return f"a picture (channels, height, width), and this input has the shape {tuple(input_shape)}; try model=mlp"
    side = min(input_shape[1:])
    deepest = side.bit_length() - 1
    if len(channels) > deepest:
        return (
            f"a picture that can be halved {len(channels)} times, once for each of channels={list(channels)}, and "
            f"{input_shape[1]}×{input_shape[2]} can be halved {deepest} times; give {deepest} channels or fewer"
        )
    return None


REQUIREMENTS: dict[str, Callable[..., str | None]] = {"leyden.models.cnn.CNN": cnn}


def misfit(target: str, input_shape: Sequence[int], settings: Mapping[str, Any]) -> str | None:
    """The sentence that refuses a network for an input, or None where they fit."""
    requirement = REQUIREMENTS.get(target)
    asked = (
        requirement(input_shape, **{k: v for k, v in settings.items() if not k.startswith("_")})
        if requirement
        else None
    )
    return f"model {target.rpartition('.')[2]} needs {asked}" if asked else None
