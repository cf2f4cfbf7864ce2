"""Names of targets or classes as the ends of metric names."""

import re
from collections.abc import Sequence


def metric_suffixes(names: Sequence[str]) -> list[str]:
    """Names of targets as parts of metric names, in which spaces, slashes and dots have meanings; each is unique."""
    suffixes: list[str] = []
    for place, name in enumerate(names, start=1):
        suffix = re.sub(r"[^\w-]+", "_", name).strip("_") or "target"
        if suffix.endswith("step"):  # metrics whose names end in _step are those of single steps
            suffix += "_"
        while suffix in suffixes:
            suffix += f"_{place}"
        suffixes.append(suffix)
    return suffixes
