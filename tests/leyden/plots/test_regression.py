"""Figures of a regression, in the units of the targets."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from leyden.plots.evaluated import Collector, Evaluated
from leyden.plots.plot import Plot
from leyden.plots.regression import regression_plots


def evaluated(number: int, targets: int = 1) -> Evaluated:
    generator = torch.Generator().manual_seed(4)
    actual = torch.randn(number, targets, generator=generator)
    outputs = actual + 0.1 * torch.randn(number, targets, generator=generator)
    collector = Collector()
    collector.add(outputs, outputs, actual, (outputs - actual).abs().mean(1), torch.arange(number))
    found = collector.result("test")
    assert found
    return replace(found, item_names=[str(n + 2) for n in range(number)], item_kind="row")


def to_units(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return outputs * 100 + 1000, targets * 100 + 1000


def drawn(of: Evaluated, *names: str) -> dict[str, Plot]:
    return {plot.name: plot for plot in regression_plots(of, to_units, names)}


def test_points_are_predicted_over_actual_values_in_units() -> None:
    of = evaluated(60)
    plot = drawn(of, "price")["predicted_vs_actual"]
    [axes] = plot.figure.axes
    points = torch.tensor(axes.collections[0].get_offsets().tolist())
    expected = torch.cat([of.targets, of.outputs], 1) * 100 + 1000
    assert torch.allclose(points, expected.float(), rtol=1e-4)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("actual price", "predicted price")
    error = 100 * (of.outputs - of.targets).abs().mean()
    assert axes.get_title().endswith(f"mean absolute error {error:.4f}")
    assert of.worst
    row, guess = int(of.worst.index[0]) + 2, 100 * float(of.worst.outputs[0]) + 1000
    assert f"the worst first: row {row}: {guess:.4g} in place of " in plot.caption


def test_bars_are_the_errors_of_each_tenth_of_the_items() -> None:
    of = evaluated(100)
    axes = drawn(of, "price")["error_by_decile"].figure.axes[0]
    order = of.targets[:, 0].argsort()
    errors = 100 * (of.outputs - of.targets)[order, 0].abs().reshape(10, 10).mean(1)
    bars = torch.tensor([float(bar.get_height()) for bar in axes.patches])
    assert torch.allclose(bars, errors, rtol=1e-4)


def test_residuals_are_predicted_minus_actual() -> None:
    of = evaluated(50)
    plot = drawn(of, "price")["residuals"]
    residual = 100 * (of.outputs - of.targets)[:, 0]
    assert f"mean {residual.mean():.4f}, deviation {residual.std(correction=0):.4f}" in plot.caption


@pytest.mark.parametrize(("number", "names"), [(1, 2), (9, 2), (10, 3)])
def test_few_items_have_no_deciles(number: int, names: int) -> None:
    assert len(drawn(evaluated(number), "price")) == names


def test_several_targets_have_axes_of_their_own_and_very_many_are_not_all_shown() -> None:
    found = drawn(evaluated(40, 9), *[f"t{n}" for n in range(9)])
    assert len(found["predicted_vs_actual"].figure.axes) == 6
    assert "3 more targets are not shown." in found["residuals"].caption


def test_predictions_that_are_not_finite_do_not_end_the_drawing() -> None:
    of = evaluated(30)
    of.outputs[:] = torch.nan
    assert drawn(of, "price") == {}
    of.outputs[:12] = of.targets[:12]
    assert len(drawn(of, "price")) == 3
