"""Images in a grid, each with a caption below it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, tensor

from leyden.data.spec import DataSpec
from leyden.plots.style import new_figure
from leyden.system.formatting import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 0.16  # inches


def is_image(spec: DataSpec) -> bool:
    """True if an input is an image of one or three channels that can be shown."""
    return len(spec.input_shape) == 3 and spec.input_shape[0] in (1, 3) and len(spec.mean) == spec.input_shape[0]


def to_pixels(inputs: Tensor, spec: DataSpec) -> np.ndarray:
    """(B, H, W, 3) values in [0, 1] of normalised inputs (B, C, H, W)."""
    mean, std = (tensor(values).view(-1, 1, 1) for values in (spec.mean, spec.std))
    pixels = (inputs.cpu().float().view(-1, *spec.input_shape) * std + mean).clamp(0, 1)
    return pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).nan_to_num().numpy()


def class_captions(targets: Tensor, spec: DataSpec) -> list[str]:
    """Class of each image, by class indices (B,).

    Of mixed images, by shares of the classes (B, classes), in two lines the two with the largest ones.
    """
    names = [" ".join(name.split()) for name in spec.class_names] or [str(label) for label in range(spec.output_size)]
    if targets.dim() == 1:
        return [names[label] for label in targets.tolist()]
    shares, classes = (values.tolist() for values in targets.topk(2))
    return [
        names[first] if share > 0.995 else f"{names[first]} {share:.0%}\n{names[second]}"
        for (first, second), (share, _) in zip(classes, shares, strict=True)
    ]


def image_grid(
    pixels: np.ndarray,
    captions: Sequence[str],
    title: str,
    columns: int | None = None,
    lines: int = 1,
    colors: Sequence[str] = (),
) -> "Figure":
    """Images row by row, each with a caption.

    Args:
        pixels: (N, H, W, 3) in [0, 1].
        captions: N texts of so many lines.
        title: of the figure.
        columns: of the grid; by default a grid that is wider than high.
        lines: of a caption.
        colors: of the captions; black by default.
    """
    number, height, width = pixels.shape[:3]
    columns = columns or min(number, max(4, math.ceil(math.sqrt(2 * number))))
    rows = -(-number // columns)
    cell = min(max(0.85, 9 / columns), 1.4)  # inches
    image_height = min(cell * height / width, 2.5 * cell)
    row_height = image_height + lines * _LINE + 0.14
    figure, [axes] = new_figure(max(columns * (cell + 0.08) + 0.2, 3.0), rows * row_height + 0.5)
    total_width, total_height = figure.get_size_inches()
    axes.set_position((0, 0, 1, 1))
    axes.set(xlim=(0, total_width), ylim=(total_height, 0), xticks=[], yticks=[])
    axes.axis("off")
    axes.text(0.1, 0.18, title, fontsize=11, va="center")
    longest = int(cell / 0.065)
    for place in range(number):
        left = 0.1 + (place % columns) * (cell + 0.08)
        top = 0.4 + (place // columns) * row_height
        axes.imshow(
            pixels[place],
            extent=(left, left + cell, top + image_height, top),
            interpolation="nearest" if width < 100 else "antialiased",
            aspect="auto",
            vmin=0,
            vmax=1,
        )
        text = "\n".join(shortened(line, longest) for line in captions[place].split("\n"))
        color = colors[place] if colors else "black"
        axes.text(left, top + image_height + 0.05, text, fontsize=8, va="top", color=color, linespacing=1.15)
    _restore_limits(axes, total_width, total_height)
    return figure


def _restore_limits(axes: "Axes", width: float, height: float) -> None:
    """`imshow` may have changed them."""
    axes.set(xlim=(0, width), ylim=(height, 0))
