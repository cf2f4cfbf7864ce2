"""Figures of a classification show what torchmetrics computes."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_auroc,
    multiclass_average_precision,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

from leyden.data.spec import DataSpec
from leyden.plots.classification import _recall, _roc, classification_plots, most_confused
from leyden.plots.evaluated import Collector, Evaluated
from leyden.plots.plot import Plot

NAMES = ("cat", "dog", "$cow$")
SPEC = DataSpec("classification", (1, 6, 6), 3, NAMES, mean=(0.5,), std=(0.25,))


def evaluated(number: int = 400, classes: int = 3, shape: tuple[int, ...] = (1, 6, 6)) -> Evaluated:
    generator = torch.Generator().manual_seed(3)
    targets = torch.randint(classes, (number,), generator=generator)
    outputs = torch.randn(number, classes, generator=generator).round(decimals=1)  # with ties
    outputs[torch.arange(number), targets] += 1.0
    errors = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    collector = Collector()
    collector.add(torch.rand(number, *shape, generator=generator), outputs, targets, errors, torch.arange(number))
    found = collector.result("test")
    assert found
    return found


def drawn(of: Evaluated, spec: DataSpec = SPEC) -> dict[str, Plot]:
    return {plot.name: plot for plot in classification_plots(of, of.outputs.softmax(1), spec)}


def texts(plot: Plot) -> list[str]:
    return [text.get_text() for axes in plot.figure.axes for text in axes.texts]


def test_all_figures_are_drawn_and_each_says_its_split() -> None:
    found = drawn(evaluated())
    names = ["confusion_matrix", "confusion_matrix_normalised", "class_accuracy", "worst_predictions"]
    assert list(found) == [*names, "roc", "precision_recall", "calibration"]
    assert all(plot.caption.startswith("Test split, 400 items") and plot.split == "test" for plot in found.values())


def test_the_confusion_matrix_counts_the_items() -> None:
    of = evaluated()
    expected = multiclass_confusion_matrix(of.outputs, of.targets, 3)
    shown = [int(text.replace(",", "")) for text in texts(drawn(of)["confusion_matrix"])]
    assert shown == [int(value) for value in expected.flatten() if value]
    wrong = int(expected.sum() - expected.trace())
    assert f"of which {wrong} are wrong" in drawn(of)["confusion_matrix"].caption


def test_the_most_frequent_mistakes_are_named_true_class_first() -> None:
    confusion = np.array([[50, 3, 0], [9, 40, 1], [0, 0, 7]])
    assert most_confused(confusion, NAMES) == ["dog as cat (9)", "cat as dog (3)", "dog as $cow$ (1)"]
    assert most_confused(np.diag([1, 2, 3]), NAMES) == []


@pytest.mark.parametrize("which", range(3))
def test_areas_are_those_of_torchmetrics(which: int) -> None:
    of = evaluated()
    scores = of.outputs.double().softmax(1)
    is_class = (of.targets == which).numpy()
    area: Tensor = multiclass_auroc(scores, of.targets, 3, average=None)  # type: ignore[assignment]
    assert _roc(scores[:, which].numpy(), is_class)[2] == pytest.approx(float(area[which]), abs=1e-6)
    precision: Tensor = multiclass_average_precision(scores, of.targets, 3, average=None)  # type: ignore[assignment]
    assert _recall(scores[:, which].numpy(), is_class)[2] == pytest.approx(float(precision[which]), abs=1e-6)


def test_the_calibration_error_is_that_of_torchmetrics() -> None:
    of = evaluated()
    expected = multiclass_calibration_error(of.outputs.softmax(1), of.targets, 3, n_bins=10)
    assert f"calibration error is {expected:.4f}" in drawn(of)["calibration"].caption


def test_the_worst_predictions_are_listed_with_true_and_predicted_class() -> None:
    of = evaluated()
    plot = drawn(of)["worst_predictions"]
    assert of.worst
    index, true = int(of.worst.index[0]), NAMES[int(of.worst.targets[0])]
    probabilities = of.outputs[index].softmax(0)
    (top, guess), own = probabilities.max(0), float(probabilities[of.worst.targets[0]])
    assert f"item {index}: true {true} ({own:.3f}), predicted {NAMES[int(guess)]} ({top:.3f})" in plot.caption
    assert plot.caption.count("true") == 10
    assert f"true {true} {own:.3f}\nas {NAMES[int(guess)]} {top:.3f}" in texts(plot)


def test_rows_of_a_table_are_listed_in_words() -> None:
    spec = DataSpec("classification", (4,), 3, NAMES)
    shown = texts(drawn(evaluated(shape=(4,)), spec)["worst_predictions"])
    assert shown[:5] == ["item", "true", "predicted", "p(true)", "p(predicted)"]
    assert len(shown) == 5 * 21 + 1


def test_nothing_wrong_is_no_figure_of_worst_predictions() -> None:
    of = evaluated()
    of.outputs[torch.arange(400), of.targets] += 100
    assert of.worst
    of.worst.outputs[torch.arange(20), of.worst.targets] += 100
    found = drawn(of)
    assert "worst_predictions" not in found
    assert "No item is confused." in found["confusion_matrix"].caption


@pytest.mark.parametrize("classes", [2, 11, 40, 150])
def test_any_number_of_classes_can_be_drawn(classes: int) -> None:
    names = tuple(f"class number {n} of the animals" for n in range(classes))
    spec = DataSpec("classification", (1, 6, 6), classes, names, mean=(0.5,), std=(0.25,))
    found = drawn(evaluated(classes=classes), spec)
    assert len(found) == 7
    for plot in found.values():
        plot.figure.canvas.draw()
    if classes == 2:
        assert "of the class class number 1" in found["roc"].caption


def test_outputs_that_are_not_finite_are_left_out() -> None:
    of = evaluated()
    of.outputs[:100] = torch.nan
    shown = [int(text.replace(",", "")) for text in texts(drawn(of)["confusion_matrix"])]
    assert sum(shown) == 300
    of.outputs[:] = torch.nan
    assert drawn(of) == {}
