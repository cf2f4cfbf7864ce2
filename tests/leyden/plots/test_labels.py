"""Figures of yes or no: decisions by a threshold, and curves of each label."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torchmetrics.functional.classification import multilabel_auroc, multilabel_average_precision

from leyden.data.spec import DataSpec
from leyden.plots.coefficients import coefficient_plots
from leyden.plots.evaluated import Evaluated, Items
from leyden.plots.labels import binary_plots, multilabel_plots

SPEC = DataSpec("classification", (3,), 2, ("no", "yes"))


def evaluated(labels: int) -> Evaluated:
    draw = torch.Generator().manual_seed(2)
    outputs = torch.randn(200, labels, generator=draw)
    targets = (outputs + torch.randn(200, labels, generator=draw) > 0).long()
    targets = targets if labels > 1 else targets[:, 0]
    index = torch.arange(20)
    worst = Items(torch.ones(20), index, torch.zeros(20, 3), outputs[:20], targets[:20])
    return Evaluated("test", 200, outputs, targets, worst=worst)


@pytest.mark.parametrize(("threshold", "positive"), [(0.5, 1), (0.8, 1), (0.8, 0)])
def test_decisions_are_by_the_threshold(threshold: float, positive: int) -> None:
    of = evaluated(1)
    found = {plot.name: plot for plot in binary_plots(of, SPEC, threshold, positive)}
    assert {"confusion_matrix", "roc", "precision_recall", "calibration", "worst_predictions"} <= found.keys()
    probability = of.outputs[:, 0].sigmoid() if positive else 1 - of.outputs[:, 0].sigmoid()
    wrong = int(((probability > threshold) != (of.targets == positive)).sum())
    assert f"of which {wrong} are wrong" in found["confusion_matrix"].caption


def test_each_label_has_its_curve() -> None:
    of = evaluated(3)
    found = {plot.name: plot for plot in multilabel_plots(of, ["a", "b", "c"])}
    area = multilabel_auroc(of.outputs.sigmoid(), of.targets, 3).item()
    precision = multilabel_average_precision(of.outputs.sigmoid(), of.targets, 3).item()
    assert f"of each label is {area:.4f} on average" in found["roc"].caption
    assert f"of each label is {precision:.4f} on average" in found["precision_recall"].caption
    assert list(multilabel_plots(replace(of, outputs=of.outputs * torch.nan), ["a", "b", "c"])) == []


@pytest.mark.parametrize(
    ("spec", "outputs", "text"),
    [
        (SPEC, 1, "log-odds of yes"),
        (SPEC, 2, "log-odds of yes"),
        (DataSpec("multilabel", (1,), 2, target_names=("p", "q")), 2, "logit of p"),
        (DataSpec("regression", (1,), 1, target_names=("p",), target_std=(2.0,)), 2, None),  # mean and deviation
    ],
)
def test_coefficients_of_one_logit_and_of_labels(spec: DataSpec, outputs: int, text: str | None) -> None:
    column = {"name": "x", "kind": "number", "mean": 0.0, "std": 1.0, "flag": False}
    network = SimpleNamespace(coefficients=torch.ones(outputs, 1))
    found = list(coefficient_plots(network, replace(spec, columns={"features": [column]})))  # type: ignore[arg-type]
    assert [text in plot.caption for plot in found if text] == ([True] if text else [])
    assert bool(found) == bool(text)
