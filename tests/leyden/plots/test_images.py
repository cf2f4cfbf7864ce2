"""Images in a grid: their colours, their captions, and coefficients of linear models."""

import numpy as np
import pytest
import torch
from torch import nn

from leyden.data.spec import DataSpec
from leyden.plots.coefficients import coefficient_plots
from leyden.plots.evaluated import Collector
from leyden.plots.images import class_captions, image_grid, is_image, to_pixels
from leyden.plots.reconstruction import reconstruction_plots

RGB = DataSpec("classification", (3, 2, 2), 2, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.4))
GREY = DataSpec("classification", (1, 4, 4), 3, ("a", "b", "c"), mean=(0.5,), std=(0.25,))


@pytest.mark.parametrize("spec", [RGB, GREY])
def test_colours_are_those_before_normalisation(spec: DataSpec) -> None:
    values = torch.rand(4, *spec.input_shape, generator=torch.Generator().manual_seed(0))
    inputs = (values - torch.tensor(spec.mean).view(-1, 1, 1)) / torch.tensor(spec.std).view(-1, 1, 1)
    pixels = torch.from_numpy(to_pixels(inputs, spec))
    assert torch.allclose(pixels, values.expand(-1, 3, -1, -1).permute(0, 2, 3, 1), atol=1e-6)


def test_captions_are_classes_and_of_mixed_images_the_two_largest_shares() -> None:
    assert class_captions(torch.tensor([2, 0]), GREY) == ["c", "a"]
    assert class_captions(torch.tensor([1]), RGB) == ["1"]
    mixed = torch.tensor([[0.3, 0.0, 0.7], [0.0, 1.0, 0.0]])
    assert class_captions(mixed, GREY) == ["c 70%\na", "b"]


@pytest.mark.parametrize(
    ("shape", "mean", "can_be_shown"),
    [((3, 2, 2), (0.1,) * 3, True), ((2, 2, 2), (0.1,) * 2, False), ((5,), (), False), ((1, 2, 2), (), False)],
)
def test_what_can_be_shown_as_an_image(shape: tuple[int, ...], mean: tuple[float, ...], can_be_shown: bool) -> None:
    assert is_image(DataSpec("classification", shape, 2, mean=mean, std=mean)) == can_be_shown


@pytest.mark.parametrize("number", [1, 3, 20, 32])
def test_each_image_has_its_caption_below_it(number: int) -> None:
    figure = image_grid(np.random.default_rng(0).random((number, 4, 6, 3)), [f"n{k}" for k in range(number)], "title")
    [axes] = figure.axes
    captions = [text for text in axes.texts if text.get_text() != "title"]
    assert [text.get_text() for text in captions] == [f"n{k}" for k in range(number)]
    for image, text in zip(axes.images, captions, strict=True):
        left, right, bottom, top = image.get_extent()
        assert left == pytest.approx(text.get_position()[0])
        assert 0 < text.get_position()[1] - bottom < 0.1
        assert (right - left) / (bottom - top) == pytest.approx(1.5, rel=1e-6)
    width, height = figure.get_size_inches()
    assert all(image.get_extent()[1] <= width and image.get_extent()[2] < height for image in axes.images)


def linear(weights: list[list[float]]) -> nn.Module:
    """Network with these coefficients and no intercept."""
    network = nn.Module()
    network.register_buffer("coefficients", torch.tensor(weights))
    return network


def test_coefficients_are_in_the_units_of_the_columns() -> None:
    """Of y = 3 x + 2 with any scaling of x and y."""
    columns = [
        {"name": "x", "kind": "number", "flag": True, "mean": 5.0, "std": 2.0},
        {"name": "side", "kind": "category", "flag": False, "values": ["north", "south"]},
    ]
    spec = DataSpec(
        "regression", (4,), 1, target_names=("y",), target_mean=(1.0,), target_std=(6.0,), columns={"features": columns}
    )
    [plot] = coefficient_plots(linear([[3.0 * 2 / 6, 0.0, 0.5, -0.25]]), spec)
    assert plot.caption.endswith("first: x +3, side=north +3, side=south -1.5, x is missing +0.")
    bars = [bar.get_width() for bar in plot.figure.axes[0].patches]
    assert bars == pytest.approx([6.0, 3.0, -1.5, 0.0])


def test_two_classes_have_one_coefficient_each_column() -> None:
    columns = {"features": [{"name": "x", "kind": "number", "flag": False, "mean": 0.0, "std": 2.0}]}
    spec = DataSpec("classification", (1,), 2, ("no", "yes"), columns=columns)
    [plot] = coefficient_plots(linear([[-1.0], [3.0]]), spec)
    assert plot.caption == "Change of log-odds of yes for one unit of a column, the most important first: x +2."


def test_coefficients_of_pixels_are_images() -> None:
    [plot] = coefficient_plots(linear(torch.randn(3, 16).tolist()), GREY)
    assert [axes.get_title() for axes in plot.figure.axes if axes.images] == ["a", "b", "c"]


@pytest.mark.parametrize("spec", [GREY, DataSpec("regression", (16,), 16)])
def test_reconstructions_are_shown_below_their_inputs(spec: DataSpec) -> None:
    inputs = torch.rand(30, *spec.input_shape, generator=torch.Generator().manual_seed(0))
    outputs = inputs.flatten(1) + 0.1
    collector = Collector()
    collector.add(inputs, outputs, inputs.flatten(1), torch.arange(30.0), torch.arange(30))
    evaluated = collector.result("test")
    assert evaluated
    [plot] = reconstruction_plots(evaluated, spec, lambda values: values)
    assert "the worst first: item 29, item 28" in plot.caption
    if is_image(spec):
        shown = [torch.from_numpy(np.array(image.get_array())) for image in plot.figure.axes[0].images]
        assert len(shown) == 40
        assert torch.allclose(shown[10], (shown[0] + 0.1).clamp(0, 1), atol=1e-6)
