"""A figure with its title and caption, and the folder of a run's figures."""

import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leyden.plots.style import DPI, STYLE
from leyden.system.atomic_files import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

PLOTS, CAPTIONS = "plots", "captions.json"
_ORDER = (
    "learning_curves",
    "confusion_matrix",
    "confusion_matrix_normalised",
    "class_accuracy",
    "worst_predictions",
    "roc",
    "precision_recall",
    "calibration",
    "predicted_vs_actual",
    "residuals",
    "error_by_decile",
    "coefficients",
    "reconstructions",
    "training_batch",
)
_OF_TRAINING = ("learning_curves", "training_batch")


@dataclass(frozen=True)
class Plot:
    """A figure of a run.

    Attributes:
        name: of its file, without the ending.
        title: a few words.
        caption: what the figure shows, with the values that matter, in one or more sentences; plain text.
        figure: of matplotlib.
        split: train, val or test, if it shows one of them.
    """

    name: str
    title: str
    caption: str
    figure: "Figure"
    split: str = ""


def as_png(figure: "Figure") -> bytes:
    """A figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white", pil_kwargs={"compress_level": 3})
    return file.getvalue()


def save_plots(folder: Path, plots: Iterable[Plot]) -> Iterator[tuple[Plot, bytes]]:
    """Draw figures, and save them as PNG files in a folder, with their captions in captions.json.

    Args:
        folder: made if it does not exist.
        plots: drawn one after the other. Errors are logged and leave out a figure: they must not end a run, whose
            result would be lost.

    Yields:
        Each figure with its PNG file.
    """
    drawn: list[Plot] = []
    with plot_style(), errors_logged():
        for plot in plots:
            with errors_logged():
                png = as_png(plot.figure)
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(folder / f"{plot.name}.png") as file:
                    file.write(png)
                drawn.append(plot)
                yield plot, png
    if drawn:
        with errors_logged():
            _add_captions(folder, drawn)


def remove_plots(folder: Path) -> None:
    """Remove the figures of an earlier evaluation, of which some may not be drawn again; those of training stay."""
    for entry in read_captions(folder):
        if entry["name"] not in _OF_TRAINING:
            (folder / f"{entry['name']}.png").unlink(missing_ok=True)


def each_plot(*makers: Callable[[], Iterable[Plot]]) -> Iterator[Plot]:
    """Figures of several functions; an error in one of them is logged, and the others are drawn."""
    for make in makers:
        with errors_logged():
            yield from make()


@contextmanager
def errors_logged() -> Iterator[None]:
    """Within this block an error is logged and ends the block: no figure is worth the result of a run."""
    try:
        yield
    except OSError as error:
        log.warning("figures are left out: %s", error, exc_info=not error.filename)
    except Exception:
        log.warning("a figure could not be drawn", exc_info=True)


def read_captions(folder: Path) -> list[dict[str, Any]]:
    """Name, title, caption and split of each figure in a folder, in the order in which they are shown."""
    try:
        content = json.loads((folder / CAPTIONS).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # written anew with the next figure
        return []
    entries = content if isinstance(content, list) else []
    entries = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
    return [entry for entry in entries if (folder / f"{entry['name']}.png").is_file()]


@contextmanager
def plot_style() -> Iterator[None]:
    """Within this block figures have the common style."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def _add_captions(folder: Path, plots: Sequence[Plot]) -> None:
    before, new = read_captions(folder), {plot.name for plot in plots}
    entries = [entry for entry in before if entry["name"] not in new]
    entries += [{"name": p.name, "title": p.title, "caption": p.caption, "split": p.split} for p in plots]
    places = {name: number for number, name in enumerate(_ORDER)}
    entries.sort(key=lambda entry: places.get(entry["name"], len(places)))
    if entries != before:
        write_text(folder / CAPTIONS, json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
