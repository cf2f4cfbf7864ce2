"""Facts about a data set that a model is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DataSpec:
    """Facts about a data set, as plain values, so that a checkpoint can keep them to rebuild the model.

    Attributes:
        task: kind of targets: `classification` for one class out of several, `regression` for numbers, `multilabel` for
            several yes-or-no labels, or any other name. A task accepts the kind that its class names as `TARGETS`.
        input_shape: the shape of one input, without the batch; (channels, height, width) for an image, () for inputs of
            several tensors.
        output_size: the number of classes, of numbers, or of labels.
        input_dtype: type of the values of an input, as torch names it: `float32`, or `int64` for tokens.
        extra: further facts by name, as plain values, such as `{"vocabulary_size": 5000}`. A network gets those that
            are arguments of its class, unless the config sets them.
        class_names: one for each class, in the order of the logits.
        target_names: one for each number.
        mean: of each channel of the training images, of values scaled to [0, 1].
        std: of each channel of the training images. The inputs of a network are (values − mean) / std.
        target_mean: of each number, over the training split. A network is trained on (target − target_mean) /
            target_std; metrics and predictions are in the target's own units.
        target_std: see `target_mean`.
        target_center: the mean of each number over the training split, even if targets are not scaled; empty if it is
            not known.
        target_spread: the standard deviation over the same, which makes errors of several targets comparable.
        resize: the shorter side, in pixels, of an image before its centre is cropped to `input_shape`; None if images
            come in that size.
        value_range: black and white of images with more than 8 bits in each channel; None if all have 8 bits.
        mixed_depths: True if there are images of 8 bits, too, with 0 as their black and 255 as their white.
        stored_shape: the shape of an image before `data.eval_transform`, where images are held in memory; None if there
            is no such transform, or if images come from files.
        columns: encoding of the columns of a table as an input: see `leyden.data.tables.column_types`.
    """

    task: str
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
    stored_shape: tuple[int, ...] | None = None
    columns: Mapping[str, Any] | None = None
    input_dtype: str = "float32"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.task == "regression":  # numbers as they are, if nothing else is said
            names = ("target",) if self.output_size == 1 else tuple(f"target_{n}" for n in range(self.output_size))
            for name, value in (("target_names", names), ("target_mean", (0.0,)), ("target_std", (1.0,))):
                if not getattr(self, name):
                    object.__setattr__(self, name, value if name == "target_names" else value * self.output_size)

    def describe(self) -> str:
        """Inputs and targets in a few words: `float32 1×28×28, 10 classes`."""
        shape = "×".join(map(str, self.input_shape)) or "several tensors"
        what = {"classification": "class", "regression": "number", "multilabel": "label"}.get(self.task, "output")
        plural = f"{what}es" if what == "class" else f"{what}s"
        return f"{self.input_dtype} {shape}, {self.output_size} {what if self.output_size == 1 else plural}"
