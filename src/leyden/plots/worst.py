"""The worst predictions of a classification: items to which the network gave the lowest probability of their class."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from leyden.data.spec import DataSpec
from leyden.plots.evaluated import Evaluated
from leyden.plots.images import image_grid, is_image, to_pixels
from leyden.plots.plot import Plot
from leyden.plots.style import RED, new_figure
from leyden.system.formatting import shortened

_NAMED = 10  # in the caption


def worst_predictions(
    evaluated: Evaluated, spec: DataSpec, names: Sequence[str], decide: Callable[[Tensor], Tensor]
) -> Iterator[Plot]:
    """Images, or rows of a table, with true and predicted class and its probability; nothing if none is wrong.

    Args:
        evaluated: with outputs (N, classes), logits.
        spec: of the data.
        names: of the classes.
        decide: class indices (N,) of probabilities (N, classes).
    """
    worst = evaluated.worst
    if worst is None:
        return
    probabilities = worst.outputs.float().softmax(1).cpu()
    guesses = decide(probabilities)
    top = probabilities.gather(1, guesses[:, None])[:, 0]
    worst = worst.to("cpu")
    wrong = (guesses != worst.targets).nonzero()[:, 0].tolist()
    if not wrong:
        return
    rows = [
        (
            evaluated.name_of(int(worst.index[place])),
            names[int(worst.targets[place])],
            names[int(guesses[place])],
            float(top[place]),
            float(probabilities[place, int(worst.targets[place])]),
        )
        for place in wrong
    ]
    listed = [
        f"{name}: true {true} ({own:.3f}), predicted {guess} ({of:.3f})" for name, true, guess, of, own in rows[:_NAMED]
    ]
    caption = f"{evaluated.describe()}. The worst first, with probabilities: {'; '.join(listed)}."
    title = "Worst predictions"
    if is_image(spec) and worst.inputs.shape[1:] == spec.input_shape:
        captions = [f"true {true} {own:.3f}\nas {guess} {of:.3f}" for _, true, guess, of, own in rows]
        heading = "Worst predictions: true and predicted class, with the probability of each"
        figure = image_grid(to_pixels(worst.inputs[wrong], spec), captions, heading, lines=2)
    else:
        figure, [axes] = new_figure(7.0, 0.75 + 0.24 * len(rows))
        axes.set_position((0, 0, 1, 1))
        axes.axis("off")
        header = ("item", "true", "predicted", "p(true)", "p(predicted)")
        for number, row in enumerate([header, *rows]):
            cells = row if number == 0 else (*row[:3], f"{row[4]:.3f}", f"{row[3]:.3f}")
            for (left, length), cell, color in zip(_COLUMNS, cells, _COLORS, strict=True):
                style: dict[str, Any] = {"weight": "bold"} if number == 0 else {"color": color}
                height = 1 - (0.6 + 0.24 * number) / figure.get_figheight()
                axes.text(left, height, shortened(str(cell), length), va="center", transform=axes.transAxes, **style)
        axes.text(0.02, 1 - 0.25 / figure.get_figheight(), title, fontsize=11, va="center", transform=axes.transAxes)
    yield Plot("worst_predictions", title, caption, figure, evaluated.split)


_COLUMNS = ((0.02, 22), (0.27, 19), (0.5, 19), (0.73, 12), (0.85, 12))  # position, and most characters
_COLORS = ("black", "black", RED, "black", "black")
