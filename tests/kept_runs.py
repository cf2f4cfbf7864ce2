"""Run directories without training."""

from pathlib import Path

from leyden.config import compose
from leyden.run import Run


def keep(log_dir: Path, *overrides: str, configs: str | Path = "configs", **metrics: float) -> Path:
    """The directory of a run that is said to have finished."""
    with Run(compose([f"paths.log_dir={log_dir}", *overrides], configs)) as run:
        run.finish({name.replace("__", "/"): value for name, value in metrics.items()})
    return run.dir
