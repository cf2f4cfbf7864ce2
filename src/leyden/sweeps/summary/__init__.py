"""Summary of a sweep: its jobs ranked, as a table, files and plots. Nothing here imports torch."""

from leyden.sweeps.summary.files import save
from leyden.sweeps.summary.plots import draw
from leyden.sweeps.summary.reading import find_sweep
from leyden.sweeps.summary.summary import Summary, summarize
from leyden.sweeps.summary.table import as_table

__all__ = ["Summary", "as_table", "draw", "find_sweep", "save", "summarize"]
