"""The facts about a data set that a model is built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class DataSpec:
    """Plain values only, so that it can stand in a checkpoint and rebuild the model there.

    Attributes:
        task: what is to be predicted: one class out of several, or numbers.
        input_shape: the shape of one input, without the batch; (channels, height, width) for an image.
        output_size: the number of classes, or of numbers.
        class_names: one for each class, in the order of the logits.
        target_names: one for each number.
        mean: of each channel of the training images, of values scaled to [0, 1].
        std: likewise. What a datamodule hands out is (values − mean) / std.
        target_mean: of each number, over the training split. A network is trained on (target − target_mean) /
            target_std; metrics and predictions are in the target's own units.
        target_std: likewise.
        target_center: the mean of each number over the training split, where targets are not scaled, too; empty where
            it is not known.
        target_spread: likewise the standard deviation, by which errors of several targets become comparable.
        resize: the shorter side, in pixels, of an image before its centre is cut to `input_shape`; None where images
            come in that size.
        value_range: black and white of images with more than 8 bits in each channel; None where all have 8 bits.
        mixed_depths: whether images of 8 bits stand beside those, with 0 as their black and 255 as their white.
        columns: how the columns of a table become an input; see `leyden.data.tables.column_types`.
    """

    task: Literal["classification", "regression"]
    input_shape: tuple[int, ...]
    output_size: int
    class_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    target_names: tuple[str, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    target_center: tuple[float, ...] = ()
    target_spread: tuple[float, ...] = ()
    resize: int | None = None
    value_range: tuple[float, float] | None = None
    mixed_depths: bool = False
    columns: Mapping[str, Any] | None = None
