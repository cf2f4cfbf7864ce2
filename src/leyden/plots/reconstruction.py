"""Figures of a reconstruction: inputs above outputs."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.plots.evaluated import Evaluated, Items
from leyden.plots.images import image_grid, is_image
from leyden.plots.plot import Plot
from leyden.plots.style import BLUE, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 10


def reconstruction_plots(evaluated: Evaluated, spec: DataSpec, to_units: Callable[[Tensor], Tensor]) -> Iterator[Plot]:
    """Random items and the worst ones, each above its reconstruction.

    Args:
        evaluated: with inputs (K, ...) and outputs (K, values) of single items.
        spec: of the data.
        to_units: from values of the network to those that are shown.
    """
    if evaluated.examples is None:
        return
    about = {"Random": evaluated.examples, "Worst": evaluated.worst}
    chosen = {name: items.highest(_SHOWN) for name, items in about.items() if items is not None}
    caption = f"{evaluated.describe()}. Inputs above their reconstructions."
    if evaluated.worst is not None:
        listed = [evaluated.name_of(int(index)) for index in evaluated.worst.index[:_SHOWN]]
        caption += f" The worst reconstructions, the worst first: {', '.join(listed)}."
    figure = _images(chosen, spec, to_units) if is_image(spec) else _lines(chosen, to_units)
    yield Plot("reconstructions", "Reconstructions", caption, figure, evaluated.split)


def _images(chosen: dict[str, Items], spec: DataSpec, to_units: Callable[[Tensor], Tensor]) -> "Figure":
    pixels, captions = [], []
    columns = max(len(items) for items in chosen.values())
    for name, items in chosen.items():
        for values, what in ((items.inputs.flatten(1), "input"), (items.outputs.flatten(1), "output")):
            images = to_units(values.float()).cpu().reshape(-1, *spec.input_shape).clamp(0, 1).nan_to_num()
            images = images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
            blank = torch.ones(columns - len(images), *images.shape[1:])
            pixels.append(torch.cat([images, blank]))
            errors = [f"error {error:.3g}" if name == "Worst" and what == "output" else "" for error in items.rank]
            first = f"{name.lower()} {what}" if what == "input" else errors[0] or what
            captions += [first, *errors[1:], *[""] * len(blank)]
    return image_grid(torch.cat(pixels).numpy(), captions, "Reconstructions: inputs above outputs", columns)


def _lines(chosen: dict[str, Items], to_units: Callable[[Tensor], Tensor]) -> "Figure":
    """Values of inputs that are no images, of two items of each kind."""
    rows = [(f"{name} item", items, place) for name, items in chosen.items() for place in range(min(2, len(items)))]
    figure, all_axes = new_figure(6.5, 1.7 * len(rows) + 0.3, len(rows))
    for axes, (title, items, place) in zip(all_axes, rows, strict=True):
        for values, label, color in ((items.inputs, "input", BLUE), (items.outputs, "output", ORANGE)):
            shown = to_units(values[place : place + 1].flatten(1).float()).flatten().cpu().numpy()
            axes.plot(np.arange(len(shown)), shown, ".-", color=color, label=label, lw=1)
        axes.set(title=title, xlabel="value of the input")
        axes.legend()
    return figure
