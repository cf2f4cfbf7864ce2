"""Figures of a classification: confusion matrix, accuracy of each class, calibration, ROC, precision and recall."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot, each_plot
from leyden.plots.style import BLUE, CYCLE, GREY, LIGHT, ORANGE, new_figure, set_margins
from leyden.plots.worst import worst_predictions
from leyden.system.formatting import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_CLASSES = 50  # of which each has a row of its own
_MOST_CURVES = 10
_BINS = 10


def classification_plots(
    evaluated: Evaluated, probabilities: Tensor, spec: DataSpec, decide: Callable[[Tensor], Tensor] | None = None
) -> Iterator[Plot]:
    """Figures of the predicted probabilities of a split; of items with finite ones only.

    Args:
        evaluated: with targets (N,), class indices, and outputs (N, classes), logits.
        probabilities: (N, classes), of its outputs.
        spec: with the names of the classes.
        decide: class indices (N,) of probabilities (N, classes); by default the most probable ones.
    """
    decide = decide or most_probable
    names = [" ".join(name.split()) for name in spec.class_names] or [str(n) for n in range(probabilities.shape[1])]
    values, targets = probabilities.double().cpu().numpy(), evaluated.targets.cpu().numpy()
    is_used = np.isfinite(values).all(1) & (targets >= 0) & (targets < len(names))
    values, targets, about = values[is_used], targets[is_used], evaluated.describe()
    if left_out := int((~is_used).sum()):
        about += f", of which {left_out:,} without finite outputs or without a class are left out"
    if not len(values):
        return
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    guesses = decide(torch.from_numpy(values)).numpy()
    np.add.at(confusion, (targets, guesses), 1)
    figures = each_plot(
        lambda: _confusion(confusion, names, about),
        lambda: [_class_accuracy(confusion, names, about)],
        lambda: worst_predictions(evaluated, spec, names, decide),
        lambda: curves(values, targets[:, None] == np.arange(len(names)), names, about, roc=True),
        lambda: curves(values, targets[:, None] == np.arange(len(names)), names, about, roc=False),
        lambda: [_calibration(values, guesses, targets, about)],
    )
    yield from (replace(plot, split=evaluated.split) for plot in figures)


def most_probable(probabilities: Tensor) -> Tensor:
    """Indices (N,) of the most probable classes, the first of equal ones."""
    return probabilities.argmax(dim=1)


def most_confused(confusion: np.ndarray, names: Sequence[str], number: int = 5) -> list[str]:
    """The most frequent mistakes: `4 as 9 (23)`, true class first."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:number]
    pairs = [np.unravel_index(place, wrong.shape) for place in order]
    return [f"{names[true]} as {names[guess]} ({wrong[true, guess]:,})" for true, guess in pairs if wrong[true, guess]]


def _confusion(confusion: np.ndarray, names: Sequence[str], about: str) -> Iterator[Plot]:
    mistakes = most_confused(confusion, names)
    often = f"Most often confused (true as predicted): {', '.join(mistakes)}." if mistakes else "No item is confused."
    wrong = int(confusion.sum() - np.trace(confusion))
    caption = f"{about}, of which {wrong:,} are wrong. {often}"
    figure = _matrix(confusion, names, "Confusion matrix: items", counts=True)
    yield Plot("confusion_matrix", "Confusion matrix", caption, figure)
    rows = confusion.sum(1, keepdims=True)
    shares = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    figure = _matrix(shares, names, "Confusion matrix: share of each true class", counts=False)
    caption = f"{about}. Each row sums to 1; its diagonal is the recall of the class."
    yield Plot("confusion_matrix_normalised", "Confusion matrix, normalised", caption, figure)


def _matrix(values: np.ndarray, names: Sequence[str], title: str, counts: bool) -> "Figure":
    from matplotlib.colors import LinearSegmentedColormap

    number = len(names)
    cell = 0.46 if number <= 12 else 0.34 if number <= 25 else min(0.3, 9 / number)
    margin = 0.5 + 0.075 * min(18, max(map(len, names)))
    turned = max(map(len, names)) * 0.075 > cell  # labels below the matrix
    below, side = margin if turned else 0.5, number * cell
    right = max(0.3, 3.6 - margin - side) if number <= 25 else 0.8  # room for the title, or for the bar of colours
    figure, [axes] = new_figure(side + margin + right, side + below + 0.42)
    set_margins(figure, left=margin, bottom=below, right=right)
    colors = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#cfe0f2", BLUE, "#16395f"])
    shown = values.astype(float) if not counts else values - np.diag(np.diag(values))  # mistakes would all look alike
    highest = max(1.0, shown.max()) if counts else 1.0
    image = axes.imshow(np.sqrt(shown / highest), cmap=colors, vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    if number <= 25:
        for true in range(number):
            for guess in range(number):
                value = values[true, guess]
                text = f"{value:,}" if counts else f"{value:.2f}".lstrip("0") if value >= 0.005 else ""
                dark = true != guess if counts else True
                color = "white" if dark and np.sqrt(shown[true, guess] / highest) > 0.6 else "black"
                if text not in ("", "0"):
                    weight = "bold" if counts and true == guess else "normal"
                    axes.text(guess, true, text, ha="center", va="center", size=8, color=color, weight=weight)
    every = max(1, -(-number // 50))
    places = range(0, number, every)
    axes.set_xticks(places, [shortened(names[place], 18) for place in places], rotation=90 if turned else 0)
    axes.set_yticks(places, [shortened(names[place], 18) for place in places])
    axes.tick_params(length=0, labelsize=9 if number <= 25 else 7)
    axes.set(xlabel="predicted", ylabel="true")
    figure.text(0.1 / figure.get_figwidth(), 1 - 0.22 / figure.get_figheight(), title, size=11, va="center")
    axes.spines[["top", "right"]].set_visible(True)
    if number > 25:
        bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
        ticks = np.array([0, 0.01, 0.1, 0.5, 1.0])
        bar.set_ticks(np.sqrt(ticks), labels=[f"{tick * highest:.3g}" for tick in ticks])
    return figure


def _class_accuracy(confusion: np.ndarray, names: Sequence[str], about: str) -> Plot:
    totals = confusion.sum(1)
    present = np.flatnonzero(totals)
    recall = np.diag(confusion)[present] / totals[present]
    order = np.argsort(recall, kind="stable")
    shown = order[:_MOST_CLASSES]
    overall = np.trace(confusion) / max(1, confusion.sum())
    figure, [axes] = new_figure(6.5, 0.95 + 0.23 * len(shown))
    longest = max(len(shortened(names[present[place]], 24)) for place in shown)
    set_margins(figure, left=0.35 + 0.075 * longest, right=1.1)
    axes.barh(range(len(shown)), recall[shown], color=BLUE, height=0.7)
    for row, place in enumerate(shown):
        count = totals[present[place]]
        text = f"{recall[place]:.3f}  of {count:,}"
        axes.text(1.01, row, text, transform=axes.get_yaxis_transform(), va="center", size=8)
    axes.set_yticks(range(len(shown)), [shortened(names[present[place]], 24) for place in shown])
    axes.axvline(overall, color=ORANGE, lw=1.3, label=f"all items: {overall:.4f}")
    lowest = recall.min()
    axes.set(xlim=(max(0, lowest - 0.25 * (1 - lowest) - 0.02), 1), ylim=(len(shown) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("accuracy on the items of a class (recall)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.62, 1.0), borderaxespad=0.1)
    rest = f", the lowest {len(shown)} of {len(present)}" if len(shown) < len(present) else ""
    axes.set_title(f"Accuracy of each class{rest}")
    axes.grid(axis="x")
    hardest = ", ".join(f"{names[present[place]]} ({recall[place]:.3f})" for place in order[:3])
    caption = f"{about}. Lowest: {hardest}."
    return Plot("class_accuracy", "Accuracy of each class", caption, figure)


def curves(
    values: np.ndarray, belongs: np.ndarray, names: Sequence[str], about: str, roc: bool, labels: bool = False
) -> Iterator[Plot]:
    """ROC, or precision and recall, of each class against all others; of two classes of the second one only.

    Args:
        values: (N, classes) probabilities.
        belongs: (N, classes) true for the classes of an item.
        names: of the classes.
        about: beginning of the caption.
        roc: ROC, and not precision and recall.
        labels: the classes are labels, of which an item has any number.
    """
    classes = [1] if len(names) == 2 and not labels else list(range(len(names)))
    found = []
    for which in classes:
        is_class = belongs[:, which]
        if not is_class.any() or is_class.all():
            continue
        horizontal, vertical, area = _roc(values[:, which], is_class) if roc else _recall(values[:, which], is_class)
        found.append((area, names[which], horizontal, vertical))
    if not found:  # a split of one class
        return
    found.sort(key=lambda one: one[0])
    measure, name = ("AUC", "roc") if roc else ("AP", "precision_recall")
    title = "ROC" if roc else "Precision and recall"
    figure, [axes] = new_figure(5.6, 4.0)
    for color, (area, label, horizontal, vertical) in zip(CYCLE, found[:_MOST_CURVES], strict=False):
        axes.plot(horizontal, vertical, color=color, lw=1.4, label=f"{shortened(label, 18)}: {area:.4f}")
    rest = [(np.r_[horizontal, np.nan], np.r_[vertical, np.nan]) for _, _, horizontal, vertical in found[_MOST_CURVES:]]
    if rest:  # as one line, since there may be a thousand
        axes.plot(*map(np.concatenate, zip(*rest, strict=True)), color=LIGHT, lw=0.6, zorder=1)
    mean = float(np.mean([one[0] for one in found]))
    part = _visible_part([one[0] for one in found])
    axes.set(xlim=(-0.01 * part, part) if roc else (1 - part, 1 + 0.01 * part), ylim=(1 - part, 1 + 0.01 * part))
    axes.set_title(title if part == 1 else f"{title} (enlarged corner)")
    axes.set(xlabel="false positive rate" if roc else "recall", ylabel="true positive rate" if roc else "precision")
    axes.grid()
    set_margins(figure, right=2.0)
    heading = measure if len(found) <= _MOST_CURVES else f"{measure}, lowest {_MOST_CURVES} of {len(found)}"
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), title=heading, handlelength=1.2, alignment="left")
    hardest = ", ".join(f"{label} ({area:.4f})" for area, label, _, _ in found[:3])
    each = (
        "each label" if labels else f"the class {found[0][1]}" if len(names) == 2 else "each class against all others"
    )
    area_name = "area under the ROC curve (AUC)" if roc else "average precision (AP)"
    caption = f"{about}. The {area_name} of {each} is {mean:.4f}{' on average' * (len(found) > 1)}."
    caption += f" Lowest: {hardest}." if len(found) > 1 else ""
    yield Plot(name, title, caption, figure)


def _visible_part(areas: Sequence[float]) -> float:
    """Side of the corner of the unit square in which all curves of these areas differ."""
    needed = 3 * (1 - min(areas, default=0.0)) ** 0.5
    return next((part for part in (0.05, 0.1, 0.25, 0.5) if part >= needed), 1.0)


def _roc(scores: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true positive rates for decreasing thresholds, and the area below."""
    hits, others = _cumulated(scores, is_class)
    false, true = np.r_[0, others / others[-1]], np.r_[0, hits / hits[-1]]
    return *_thinned(false, true), float(np.trapezoid(true, false))


def _recall(scores: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Recall and precision for decreasing thresholds, and the average precision: sum of precision times gain."""
    hits, others = _cumulated(scores, is_class)
    recall, precision = hits / hits[-1], hits / (hits + others)
    area = float(np.sum(np.diff(np.r_[0, recall]) * precision))
    return *_thinned(np.r_[0, recall], np.r_[precision[0], precision]), area


def _cumulated(scores: np.ndarray, is_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Items of the class, and others, with at least each distinct score, from the highest score."""
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    hits = np.cumsum(is_class[order])[last_of_score]
    return hits, last_of_score + 1 - hits


def _thinned(horizontal: np.ndarray, vertical: np.ndarray, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """At most about so many points of a curve, as many as a figure can show."""
    if len(horizontal) <= points:
        return horizontal, vertical
    cells = np.unique(np.stack([horizontal, vertical], 1).round(3), axis=0, return_index=True)[1]
    chosen = np.unique(np.r_[0, np.sort(cells), len(horizontal) - 1])
    return horizontal[chosen], vertical[chosen]


def _calibration(values: np.ndarray, guesses: np.ndarray, targets: np.ndarray, about: str) -> Plot:
    """Accuracy of predictions by their probability; expected calibration error: Guo et al. (2017), 10 bins."""
    top, correct = values[np.arange(len(values)), guesses], guesses == targets
    bins = np.clip((top * _BINS).astype(int), 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    confidence = np.bincount(bins, top, minlength=_BINS) / np.maximum(counts, 1)
    accuracy = np.bincount(bins, correct, minlength=_BINS) / np.maximum(counts, 1)
    error = float(np.sum(counts * np.abs(confidence - accuracy)) / max(1, counts.sum()))
    used = counts > 0
    figure, [axes] = new_figure(5.0, 4.0)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (4, 3)), label="perfectly calibrated")
    sizes = 20 + 280 * counts[used] / counts.max()
    spread = np.sqrt(accuracy * (1 - accuracy) / np.maximum(counts, 1))[used]
    axes.errorbar(confidence[used], accuracy[used], yerr=spread, fmt="none", ecolor=BLUE, elinewidth=1)
    axes.scatter(confidence[used], accuracy[used], s=sizes, color=BLUE, alpha=0.85, lw=0, label="bin, by its items")
    lowest = min(1 / values.shape[1], float(confidence[used].min()))
    axes.set(xlim=(lowest - 0.03, 1.02), ylim=(-0.02, 1.04), title="Calibration")
    axes.set(xlabel="probability of the predicted class", ylabel="share of correct predictions")
    axes.grid()
    axes.legend(loc="lower right", markerscale=0.5)
    bias = float(top.mean() - correct.mean())
    word = "over" if bias > 0 else "under"
    caption = (
        f"{about}. The expected calibration error is {error:.4f}: on average predictions are "
        f"{word}confident by {abs(bias):.4f}."
    )
    return Plot("calibration", "Calibration", caption, figure)
