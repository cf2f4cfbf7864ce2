"""Figures of a regression: predicted against actual values, residuals, error by decile; in the units of the targets."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot, each_plot
from leyden.plots.style import BLUE, GREY, ORANGE, TICKS, new_figure
from leyden.system.formatting import compact, number, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TARGETS = 6
_MOST_POINTS = 5000
_DECILES = 10


def regression_plots(
    evaluated: Evaluated, to_units: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], names: Sequence[str]
) -> Iterator[Plot]:
    """Figures of the predicted values of a split.

    Args:
        evaluated: with outputs and targets (N, targets).
        to_units: predicted and actual values (N, targets) in the targets' own units, of outputs and targets.
        names: of the targets.
    """
    predicted, actual = (values.cpu() for values in to_units(evaluated.outputs, evaluated.targets))
    worst = to_units(evaluated.worst.outputs, evaluated.worst.targets) if evaluated.worst else None
    names = names or [f"output {number}" for number in range(predicted.shape[1])]
    shown = range(min(len(names), _MOST_TARGETS))
    pairs = [(names[k], predicted[:, k].double().numpy(), actual[:, k].double().numpy()) for k in shown]
    pairs = [(name, guess[ok], true[ok]) for name, guess, true in pairs for ok in [np.isfinite(guess - true)]]
    pairs = [pair for pair in pairs if len(pair[1])]
    if not pairs:
        return
    more = f" {len(names) - len(pairs)} more targets are not shown." if len(names) > len(pairs) else ""
    if left_out := max(len(predicted) - len(guess) for _, guess, _ in pairs):
        more += f" Without {left_out:,} items whose outputs are not finite."
    yield from each_plot(
        lambda: [_predicted(evaluated, pairs, more, worst, names)],
        lambda: [_residuals(evaluated, pairs, more)],
        lambda: [_deciles(evaluated, pairs, more)] if len(pairs[0][1]) >= _DECILES else [],
    )


Pair = tuple[str, np.ndarray, np.ndarray]


def _predicted(
    evaluated: Evaluated, pairs: Sequence[Pair], more: str, worst: tuple[Tensor, Tensor] | None, names: Sequence[str]
) -> Plot:
    figure, all_axes = new_figure(*_size(pairs, 4.2, 3.9), *_grid(pairs))
    for axes, (name, guess, true) in _placed(all_axes, pairs):
        low, high = min(guess.min(), true.min()), max(guess.max(), true.max())
        room = 0.04 * (high - low) or abs(high) * 0.1 or 1.0
        axes.plot([low, high], [low, high], color=ORANGE, lw=1.2, label="predicted = actual")
        chosen = _thin(len(guess))
        axes.scatter(true[chosen], guess[chosen], s=_dot(len(chosen)), color=BLUE, alpha=_alpha(len(chosen)), lw=0)
        axes.set(xlim=(low - room, high + room), ylim=(low - room, high + room), aspect="equal", adjustable="box")
        axes.set(xlabel=f"actual {shortened(name, 30)}", ylabel=f"predicted {shortened(name, 30)}")
        _use_compact_ticks(axes)
        axes.set_title(f"R² {_r2(guess, true):.3f}, mean absolute error {number(float(np.abs(guess - true).mean()))}")
        axes.grid()
        axes.legend(loc="upper left")
    caption = f"{evaluated.describe()}, in the units of the target.{more}"
    if worst and evaluated.worst is not None:
        listed = [
            f"{evaluated.name_of(int(index))}: {_values(predicted, names)} in place of {_values(actual, names)}"
            for index, predicted, actual in zip(evaluated.worst.index[:10], *worst, strict=False)
        ]
        caption += f" The worst predictions, the worst first: {'; '.join(listed)}."
    return Plot("predicted_vs_actual", "Predicted and actual values", caption, figure, evaluated.split)


def _residuals(evaluated: Evaluated, pairs: Sequence[Pair], more: str) -> Plot:
    rows, columns = len(pairs), 2
    figure, axes = new_figure(7.6, 2.9 * rows + 0.3, rows, columns)
    texts = []
    for row, (name, guess, true) in enumerate(pairs):
        residual, (left, right) = guess - true, axes[2 * row : 2 * row + 2]
        chosen = _thin(len(guess))
        left.axhline(0, color=ORANGE, lw=1.2)
        left.scatter(guess[chosen], residual[chosen], s=_dot(len(chosen)), color=BLUE, alpha=_alpha(len(chosen)), lw=0)
        left.set(xlabel=f"predicted {shortened(name, 30)}", ylabel="predicted − actual", title="Residuals")
        _use_compact_ticks(left, right)
        left.grid()
        right.hist(residual, bins=min(40, max(8, round(len(residual) ** 0.5))), color=BLUE)
        right.axvline(0, color=ORANGE, lw=1.2)
        right.set(xlabel="predicted − actual", ylabel="items", title="Distribution")
        about = f"{name}: " if rows > 1 else ""
        texts.append(f"{about}mean {number(float(residual.mean()))}, deviation {number(float(residual.std()))}")
    caption = f"{evaluated.describe()}. Residuals, predicted − actual: {'; '.join(texts)}.{more}"
    return Plot("residuals", "Residuals", caption, figure, evaluated.split)


def _deciles(evaluated: Evaluated, pairs: Sequence[Pair], more: str) -> Plot:
    figure, all_axes = new_figure(*_size(pairs, 5.2, 3.2), *_grid(pairs))
    texts = []
    for axes, (name, guess, true) in _placed(all_axes, pairs):
        groups = np.array_split(np.argsort(true, kind="stable"), _DECILES)
        errors = [float(np.abs(guess[group] - true[group]).mean()) for group in groups]
        biases = [float((guess[group] - true[group]).mean()) for group in groups]
        axes.bar(range(_DECILES), errors, color=BLUE, width=0.75, label="mean absolute error")
        axes.plot(range(_DECILES), biases, "o-", color=ORANGE, lw=1.2, ms=4, label="mean of predicted − actual")
        axes.axhline(0, color=GREY, lw=0.8)
        axes.set_xticks(range(_DECILES), [compact(true[group].mean()) for group in groups])
        axes.set(xlabel=f"actual {shortened(name, 30)}: mean of each tenth of the items", ylabel=shortened(name, 24))
        axes.set(title="Error by decile of the actual value")
        axes.yaxis.set_major_formatter(lambda value, _: compact(value).replace("-", "−"))
        axes.locator_params("y", nbins=TICKS)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.22 * (high - low))
        axes.legend(loc="upper left", ncols=2, columnspacing=1.0)
        axes.grid(axis="y")
        most = int(np.argmax(errors))
        about = f"{name}: " if len(pairs) > 1 else ""
        texts.append(f"{about}{number(max(errors))} around {_shown(true[groups[most]].mean())}")
    caption = f"{evaluated.describe()}. The largest mean absolute error is {'; '.join(texts)}.{more}"
    return Plot("error_by_decile", "Error by decile", caption, figure, evaluated.split)


def _r2(guess: np.ndarray, true: np.ndarray) -> float:
    total = float(np.square(true - true.mean()).sum())
    return 1 - float(np.square(guess - true).sum()) / total if total else float("nan")


def _values(values: Tensor, names: Sequence[str]) -> str:
    if len(names) == 1:
        return _shown(values[0])
    return ", ".join(f"{name} {_shown(value)}" for name, value in zip(names, values, strict=True))


def _shown(value: Any) -> str:
    """Four digits, and no exponent below a billion."""
    return number(float(value)) if abs(float(value)) >= 9999.5 else f"{float(value):.4g}"


def _use_compact_ticks(*all_axes: "Axes") -> None:
    """Few ticks with short labels, also of prices in hundreds of thousands."""
    from matplotlib.ticker import FuncFormatter

    for axes in all_axes:
        axes.locator_params(nbins=TICKS)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value).replace("-", "−")))


def _grid(pairs: Sequence[Pair]) -> tuple[int, int]:
    columns = min(2, len(pairs))
    return -(-len(pairs) // columns), columns


def _size(pairs: Sequence[Pair], width: float, height: float) -> tuple[float, float]:
    rows, columns = _grid(pairs)
    return columns * width + 0.2, rows * height + 0.1


def _placed(all_axes: "Sequence[Axes]", pairs: Sequence[Pair]) -> "Iterator[tuple[Axes, Pair]]":
    for axes in all_axes[len(pairs) :]:
        axes.remove()
    yield from zip(all_axes, pairs, strict=False)


def _thin(total: int) -> np.ndarray:
    """Indices of the points to draw: all, or a random part of very many."""
    if total <= _MOST_POINTS:
        return np.arange(total)
    return np.random.default_rng(0).choice(total, _MOST_POINTS, replace=False)


def _dot(points: int) -> float:
    return 22 if points < 500 else 8


def _alpha(points: int) -> float:
    return 0.7 if points < 500 else 0.35
