"""Jobs of a sweep by what they are measured by: of several experiments, only some may be comparable."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leyden.records.record import CONFIG, of_type, read_yaml
from leyden.sweeps.measure import Measure, agree, is_complete, measure_of
from leyden.system.errors import UserError


def by_measure(
    sweep_dir: Path, record: Mapping[str, Any], jobs: Sequence[dict[str, Any]]
) -> list[tuple[Measure, list[dict[str, Any]]]]:
    """Jobs of a grid with equal measures, in the order of their first jobs; all jobs of a search.

    A job without a measure, in its entry or its directory, is counted among the first ones.

    Args:
        record: sweep.json.
        jobs: their entries in it.
    """
    found: list[tuple[Measure, list[dict[str, Any]]]] = []
    unknown: list[dict[str, Any]] = []
    for job in jobs:
        measure = None if record.get("kind") == "search" else _measure(sweep_dir, job)
        if measure:
            place = next((place for place, (known, _) in enumerate(found) if agree(known, measure)), len(found))
            known, alike = found[place] if place < len(found) else ({}, [])
            found[place : place + 1] = [({**known, **measure}, [*alike, job])]
        else:
            unknown.append(job)
    if not found:
        return [({}, unknown)] if unknown else []
    found[0][1].extend(unknown)
    return found


def _measure(sweep_dir: Path, job: Mapping[str, Any]) -> Measure | None:
    """Measure of a job, from its entry or else its config; None if neither has a metric with a mode."""
    measure = of_type(dict, job.get("measure"))
    if measure is None or not is_complete(measure):
        try:
            config = read_yaml(sweep_dir / job["name"] / CONFIG)
        except UserError:
            config = None
        measure = measure_of(config) if isinstance(config, dict) else measure
    is_known = measure and isinstance(measure.get("monitor"), str) and measure.get("mode") in ("min", "max")
    return measure if is_known else None
