"""Ranking: repeats form groups with a mean, possibly over cross-validations; groups are sorted."""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, stdev
from typing import Any

from leyden.sweeps.summary.results import Result


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation.

    Attributes:
        std: with the denominator n - 1; None for one value.
    """

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Spread of values; None if there are none."""
        if not values:
            return None
        if not all(map(math.isfinite, values)):
            return cls(math.nan, None, len(values))
        return cls(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Group:
    """Jobs with the same settings except those that repeat a job.

    Attributes:
        settings: the swept ones that they share.
        cells: the same results in the units of the mean: single jobs, or cross-validations.
        whole: cells that are ranked: all their jobs count, and no fold is missing.
        folds: number of jobs of a cell; 1 without cross-validation.
        place: rank of the group, from 1; for several objectives the number of its Pareto front.
    """

    settings: dict[str, Any]
    results: list[Result]
    cells: list[list[Result]]
    whole: list[list[Result]]
    folds: int = 1
    place: int = 0

    @property
    def is_nested(self) -> bool:
        """True if cells are cross-validations."""
        return self.folds > 1

    @cached_property
    def counted(self) -> list[Result]:
        """Jobs that are ranked."""
        return [result for cell in self.whole for result in cell]

    @cached_property
    def values(self) -> dict[str, Spread]:
        """Spread of each objective over the means of the ranked cells."""
        names = self.counted[0].values if self.counted else {}
        spreads = {name: Spread.of([fmean(job.values[name] for job in cell) for cell in self.whole]) for name in names}
        return {name: spread for name, spread in spreads.items() if spread}

    def spread(self, name: str) -> Spread | None:
        """Spread of a metric over the ranked cells in which every job has it."""
        cells = [cell for cell in self.whole if all(name in job.metrics for job in cell)]
        return Spread.of([fmean(job.metrics[name] for job in cell) for cell in cells])

    @property
    def seconds(self) -> float | None:
        """Mean duration of a job."""
        found = Spread.of([result.seconds for result in self.counted if result.seconds is not None])
        return found.mean if found else None


def grouped(
    results: Iterable[Result],
    repeats: Collection[str],
    objectives: Mapping[str, str],
    folds: Collection[str] = (),
    nested: bool = False,
) -> list[Group]:
    """Groups in the order of their first jobs.

    Args:
        repeats: the keys that repeat a job.
        objectives: must be finite for a job to count.
        folds: the repeats that form a cross-validation, which is not ranked if one is missing.
        nested: take means over folds first, as other keys repeat the whole cross-validation.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        has_fold = any(key in result.settings for key in folds)  # a run without one is another experiment
        groups.setdefault(_exact(result, lambda key: key not in repeats) + str(has_fold), []).append(result)
    return [_group(found, repeats, objectives, folds, nested) for found in groups.values()]


def _group(
    results: list[Result],
    repeats: Collection[str],
    objectives: Mapping[str, str],
    folds: Collection[str],
    nested: bool,
) -> Group:
    settings = {key: value for key, value in results[0].settings.items() if key not in repeats}
    has_folds = any(key in results[0].settings for key in folds)
    if not (has_folds and nested):
        cells = [[result] for result in results]
        whole = [cell for cell in cells if cell[0].counts(objectives)]
        return Group(settings, results, cells, [] if has_folds and len(whole) < len(cells) else whole)
    by_repeat: dict[str, list[Result]] = {}
    for result in results:
        by_repeat.setdefault(_exact(result, lambda key: key in repeats and key not in folds), []).append(result)
    number = len({_exact(result, lambda key: key in folds) for result in results})
    cells = list(by_repeat.values())
    whole = [cell for cell in cells if sum(result.counts(objectives) for result in cell) == number]
    return Group(settings, results, cells, whole, number)


def _exact(result: Result, is_part: Callable[[str], bool]) -> str:
    """Selected settings of a job as text, for comparison."""
    found = {key: value for key, value in result.settings.items() if is_part(key)}
    return json.dumps(found, sort_keys=True, default=str)


def ranked(groups: Iterable[Group], objectives: Mapping[str, str]) -> list[Group]:
    """Groups with at least one ranked cell, the best first; equal ones share a rank.

    Sorted by the mean of the objective, or by Pareto front and then the first objective.
    """
    counted = [group for group in groups if group.counted]
    costs = [
        tuple((-1 if mode == "max" else 1) * group.values[name].mean for name, mode in objectives.items())
        for group in counted
    ]
    places = fronts(costs) if len(objectives) > 1 else [1 + sum(other < cost for other in costs) for cost in costs]
    order = sorted(range(len(counted)), key=lambda number: (places[number], costs[number]))
    return [replace(counted[number], place=places[number]) for number in order]


def fronts(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """Number of the Pareto front of each point: 1 if no other point dominates it, 2 if only points of front 1 do, …"""
    found = [0] * len(costs)
    order = sorted(range(len(costs)), key=lambda one: costs[one])  # dominating points come first
    for place, one in enumerate(order):
        better = (found[other] for other in order[:place] if _dominates(costs[other], costs[one]))
        found[one] = 1 + max(better, default=0)
    return found


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
