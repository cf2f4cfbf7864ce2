"""The run directory: what one run was, did and found; and everything back from it."""

from leyden.run.directory import Run
from leyden.run.loaded import LoadedRun, load_run

__all__ = ["LoadedRun", "Run", "load_run"]
