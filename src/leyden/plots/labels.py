"""Figures of yes or no: of one logit for two classes, and of several labels."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.plots.classification import classification_plots, curves
from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot, each_plot


def binary_plots(evaluated: Evaluated, spec: DataSpec, threshold: float, positive: int = 1) -> Iterator[Plot]:
    """Figures of a classification of two classes with decisions by a threshold.

    Args:
        evaluated: with outputs (N, 1), logits of the second class, and targets (N,), class indices.
        spec: with the names of the classes.
        threshold: probability of the positive class from which an item belongs to it.
        positive: index of that class.
    """

    def decide(probabilities: Tensor) -> Tensor:
        return torch.where(probabilities[:, positive] > threshold, positive, 1 - positive)

    worst = evaluated.worst
    worst = worst and replace(worst, outputs=_of_classes(worst.outputs))
    both = replace(evaluated, outputs=_of_classes(evaluated.outputs), worst=worst)
    yield from classification_plots(both, both.outputs.float().softmax(dim=1), spec, decide)


def multilabel_plots(evaluated: Evaluated, names: Sequence[str]) -> Iterator[Plot]:
    """ROC and precision-recall curves of each label.

    Args:
        evaluated: with outputs (N, labels), logits, and targets (N, labels) of 0 or 1.
        names: of the labels.
    """
    is_used = evaluated.outputs.isfinite().all(dim=1)
    values = evaluated.outputs[is_used].double().sigmoid().cpu().numpy()
    belongs, about = evaluated.targets[is_used].cpu().numpy() > 0.5, evaluated.describe()
    if not len(values):
        return
    figures = each_plot(
        lambda: curves(values, belongs, names, about, roc=True, labels=True),
        lambda: curves(values, belongs, names, about, roc=False, labels=True),
    )
    yield from (replace(plot, split=evaluated.split) for plot in figures)


def _of_classes(outputs: Tensor) -> Tensor:
    """Logits (N, 2) of both classes, from that of the second (N, 1)."""
    return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
