"""Repeats become one group with a mean, groups are put in order."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, stdev
from typing import Any

from leyden.sweeps.summary.results import Result


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation.

    Attributes:
        mean: of n values.
        std: with n - 1 in its denominator; None for one value.
        n: how many.
    """

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """That of some values; None for none."""
        if not values:
            return None
        if not all(map(math.isfinite, values)):
            return cls(math.nan, None, len(values))
        return cls(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Group:
    """Jobs that are the same but for what repeats them.

    Attributes:
        settings: what they have in common of what is swept.
        results: of all of them.
        counted: those that are ranked.
        place: of the group: 1 is the best. Of several objectives it is the number of the Pareto front.
    """

    settings: dict[str, Any]
    results: list[Result]
    counted: list[Result]
    place: int = 0

    @cached_property
    def values(self) -> dict[str, Spread]:
        """Objectives over what is counted."""
        names = self.counted[0].values if self.counted else {}
        spreads = {name: Spread.of([result.values[name] for result in self.counted]) for name in names}
        return {name: spread for name, spread in spreads.items() if spread}

    def spread(self, name: str) -> Spread | None:
        """A metric over what is counted, as far as it was measured."""
        return Spread.of([result.metrics[name] for result in self.counted if name in result.metrics])

    @property
    def seconds(self) -> float | None:
        """What a job took, in the mean."""
        found = Spread.of([result.seconds for result in self.counted if result.seconds is not None])
        return found.mean if found else None


def grouped(results: Iterable[Result], repeats: Collection[str], objectives: Mapping[str, str]) -> list[Group]:
    """Groups in the order of their first jobs."""
    groups: dict[str, Group] = {}
    for result in results:
        settings = {key: value for key, value in result.settings.items() if key not in repeats}
        group = groups.setdefault(json.dumps(settings, sort_keys=True, default=str), Group(settings, [], []))
        group.results.append(result)
        if result.counts(objectives):
            group.counted.append(result)
    return list(groups.values())


def ranked(groups: Iterable[Group], objectives: Mapping[str, str]) -> list[Group]:
    """Those groups of which something is counted, the best first; equal ones share a place.

    By the mean of the objective; of several objectives, by Pareto front and within one by the first objective.
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
    """The Pareto front of each point: 1 where no other is at least as small in all and smaller in one, 2 where only
    points of front 1 are, and so on.
    """
    found = [0] * len(costs)
    order = sorted(range(len(costs)), key=lambda one: costs[one])  # what dominates a point comes before it
    for place, one in enumerate(order):
        better = (found[other] for other in order[:place] if _dominates(costs[other], costs[one]))
        found[one] = 1 + max(better, default=0)
    return found


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
