"""Input requirements of torchvision's classification networks, known without importing torch."""

import re
from collections.abc import Sequence
from typing import Any

_SMALLEST = {  # side in pixels that the poolings need; all other networks take any image
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


def torchvision_input_check(
    input_shape: Sequence[int], name: str = "resnet18", weights: str | None = None, **_: Any
) -> str | None:
    """The requirement that an input does not meet: an image, of 1 or 3 channels with weights, large enough without."""
    if len(input_shape) != 3:
        return image_needed(input_shape)
    channels, height, width = input_shape
    if is_name(weights):  # images are resized to the size of training
        if channels not in (1, 3):
            return f"an image of 1 or 3 channels for weights={weights}, and this one has {channels}; set weights=null"
        return None
    size, remedy = f"{height}×{width}", "try model.name=resnet18"
    smallest = next((side for start, side in _SMALLEST.items() if name.startswith(start)), 1)
    if min(height, width) < smallest:
        return f"an image of {smallest} pixels a side for {name}, and this one is {size}; {remedy}"
    patch = int(name.rpartition("_")[2]) if re.fullmatch(r"vit_\w_\d+", name) else 0
    if patch and (height != width or height % patch):
        return f"a square of patches of {patch} pixels for {name}, and this image is {size}; {remedy}"
    if name.startswith("maxvit") and (height % 224 or width % 224):
        return f"a side of 224 pixels, or a multiple, for {name}, and this image is {size}; {remedy}"
    return None


def is_name(weights: str | None) -> bool:
    """True for the name of torchvision's weights, and not a file or no weights."""
    return weights is not None and re.search(r"[./\\]", weights) is None


def image_needed(input_shape: Sequence[int]) -> str:
    """Requirement of a network for images, as the end of the sentence "model CNN needs …"."""
    shape = str(tuple(input_shape)).replace("'", "")  # the number of a table's features is unknown before it is read
    return f"an image (channels, height, width), and this input has the shape {shape}; try model=mlp"
