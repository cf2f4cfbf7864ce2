"""The facts about a data set that a model is built from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSpec:
    """Plain values only, so that it can stand in a checkpoint and rebuild the model there.

    Attributes:
        task: what is to be predicted.
        input_shape: the shape of one input, without the batch; (channels, height, width) for a picture.
        output_size: the number of classes.
        class_names: one for each class, in the order of the logits.
        mean: of each channel of the training split, of values scaled to [0, 1].
        std: likewise. What a datamodule hands out is (values − mean) / std.
    """

    task: Literal["classification"]
    input_shape: tuple[int, ...]
    output_size: int
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
