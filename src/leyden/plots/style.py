"""Style of all figures: colours, fonts, margins."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, RED, GREY, LIGHT = "#3b6ea5", "#e07b00", "#c0392b", "#777777", "#c4c9d0"
CYCLE = (BLUE, ORANGE, "#3a923a", RED, "#8b63b0", "#8c6d31", "#d070a8", "#17a2a8", "#9a9a1f", GREY)
DPI = 100
TICKS = 4  # intervals of a small axis: most of the time of drawing goes into ticks and their labels

STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # names of classes and columns may have dollars in them
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.grid": False,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "grid.color": "#e6e8eb",
    "figure.facecolor": "white",
    "text.hinting": "none",  # half of the time of drawing is that of texts
}


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """Figure of a size in inches, and its axes row by row, with margins for labels.

    The margins are fixed: a layout engine would draw everything twice, and figures are a part of each run's time.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    set_margins(figure)
    return figure, axes


def set_margins(
    figure: "Figure",
    left: float = 0.75,
    right: float = 0.2,
    top: float = 0.42,
    bottom: float = 0.52,
    between: float = 0.75,
    above: float = 0.85,
) -> None:
    """Set the margins of a figure, and the space between its columns and rows, in inches."""
    width, height = figure.get_size_inches()
    grid = figure.axes[0].get_gridspec() if figure.axes else None
    columns, rows = (grid.ncols, grid.nrows) if grid else (1, 1)
    each_width = (width - left - right - between * (columns - 1)) / columns
    each_height = (height - top - bottom - above * (rows - 1)) / rows
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=between / each_width,
        hspace=above / each_height,
    )
