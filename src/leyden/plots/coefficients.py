"""Coefficients of a linear model: of a table in the units of its columns, of images as images."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor, nn

from leyden.data.spec import DataSpec
from leyden.data.tables.coefficients import Coefficients, coefficients_of
from leyden.plots.images import is_image
from leyden.plots.plot import Plot
from leyden.plots.style import BLUE, GREY, ORANGE, new_figure, set_margins
from leyden.system.formatting import shortened

_MOST, _MOST_OUTPUTS = 25, 4


def coefficient_plots(network: nn.Module, spec: DataSpec) -> Iterator[Plot]:
    """Figure of the coefficients of a linear model.

    Args:
        network: with a property `coefficients`, weights (outputs, inputs); see `leyden.data.tables.coefficients`.
        spec: of the data.
    """
    weights = getattr(network, "coefficients", None)
    if not isinstance(weights, Tensor):
        return
    if found := coefficients_of(network, spec):
        yield _of_columns(found)
    elif is_image(spec) and spec.task == "classification" and len(weights) <= _MOST:
        yield _of_pixels(weights.detach().double().cpu().numpy(), spec)


def _of_columns(found: Coefficients) -> Plot:
    names, spreads, outputs = found.inputs, found.spreads, list(found.outputs)
    values = found.values * spreads
    if found.are_relative:
        values = values[1:] - values[:1] if len(outputs) == 2 else values - values.mean(0)
        outputs = outputs[-len(values) :]
    more = f" The first {_MOST_OUTPUTS} of {len(outputs)} are shown." if len(outputs) > _MOST_OUTPUTS else ""
    values, outputs = values[:_MOST_OUTPUTS], outputs[:_MOST_OUTPUTS]
    order = np.argsort(-np.abs(values).max(0), kind="stable")[:_MOST]
    are_odds = found.of_classes and len(outputs) == 1
    unit = "" if not found.of_classes else "log-odds of " if are_odds else "logit of "
    longest = max(len(shortened(names[column], 26)) for column in order)
    figure, all_axes = new_figure(7.4, len(values) * (0.95 + 0.23 * len(order)), len(values))
    set_margins(figure, left=0.35 + 0.075 * longest, right=1.5, top=0.5)
    for axes, row, output in zip(all_axes, values, outputs, strict=True):
        colors = [BLUE if value >= 0 else ORANGE for value in row[order]]
        axes.barh(range(len(order)), row[order], color=colors, height=0.7)
        axes.axvline(0, color=GREY, lw=0.8)
        for place, column in enumerate(order):
            text = f"{row[column] / spreads[column]:+.4g}"
            axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", size=8)
        axes.text(1.02, -1.0, "per unit of\nthe column", transform=axes.get_yaxis_transform(), va="bottom", size=8)
        axes.set_yticks(range(len(order)), [shortened(names[column], 26) for column in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        change = f"change of {unit}{shortened(output, 30)}"
        axes.set_xlabel(f"{change} for one standard deviation of a number, or a category")
        axes.set_title(f"Coefficients: {unit}{shortened(output, 40)}")
        axes.grid(axis="x")
    listed = [f"{names[column]} {values[0, column] / spreads[column]:+.4g}" for column in order[:10]]
    caption = f"Change of {unit}{outputs[0]} for one unit of a column, the most important first: {', '.join(listed)}."
    if unit == "logit of " and found.are_relative:
        caption += " Of each class relative to the mean over all classes."
    caption += more
    return Plot("coefficients", "Coefficients", caption, figure)


def _of_pixels(values: np.ndarray, spec: DataSpec) -> Plot:
    names = spec.class_names[-len(values) :] or tuple(map(str, range(len(values))))
    columns = min(5, len(values))
    rows = -(-len(values) // columns)
    figure, all_axes = new_figure(1.5 * columns + 0.2, 1.75 * rows + 0.75, rows, columns)
    set_margins(figure, left=0.1, right=0.1, top=0.75, bottom=0.1, between=0.1, above=0.3)
    channels = values.reshape(len(values), *spec.input_shape).mean(1)
    limit = float(np.abs(channels).max()) or 1.0
    for axes, image, name in zip(all_axes, channels, names, strict=False):
        axes.imshow(image, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(shortened(name, 18), fontsize=9)
    for axes in all_axes:
        axes.axis("off")
    title = "Weights of the linear model: blue pixels raise the logit of the class, red ones lower it"
    figure.text(0.1 / figure.get_figwidth(), 1 - 0.2 / figure.get_figheight(), title, fontsize=10, va="center")
    caption = f"Weights of the pixels for each class, from −{limit:.3g} (red) to {limit:.3g} (blue)."
    return Plot("coefficients", "Coefficients", caption, figure)
