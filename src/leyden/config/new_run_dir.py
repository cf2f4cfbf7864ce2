"""Directory of a new run: `<log_dir>/<experiment>/<time>`. For the jobs of a sweep see `leyden.sweeps.naming`."""

from datetime import datetime
from pathlib import Path


def new_run_dir(log_dir: str, experiment: str) -> Path:
    """The directory of a run that starts now, unless `paths.run_dir` is set; it gets a number if it exists."""
    return Path(log_dir, experiment, f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
