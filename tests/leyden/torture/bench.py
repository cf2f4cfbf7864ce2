"""What every row of scripts/torture.py is given, and what it gives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.leyden.torture.doors import Doors

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: what was done to how many.
        result: what was found, in a few words.
        good: whether it is as it must be; None where it could not be tried, for which `result` gives the reason.
    """

    name: str
    result: str
    good: bool | None

    @classmethod
    def count(cls, name: str, wrong: Iterable[object], of: int, note: str = "") -> "Row":
        """So many of so many are as they must be; the first that are not are told."""
        faults = [str(one) for one in wrong if one]
        told = "".join(f"; {fault[:300]}" for fault in faults[:3])
        return cls(name, f"{of - len(faults)} of {of}{note and f'; {note}'}{told}", not faults and of > 0)


@dataclass(frozen=True)
class Bench:
    """Where and how much is tried.

    Attributes:
        doors: start the runs.
        folder: of all that is written.
        kills: by SIGKILL, for each number of workers.
        stops: by each of SIGTERM and SIGINT.
        flips: of single bytes.
        fills: of the disk.
        sweep_kills: of a sweep's process group.
        search_kills: of a search's process group.
        sweep_pairs: of sweeps whose time is compared.
        pairs: of epochs whose time is compared.
        seed: of random moments and places.
    """

    doors: Doors
    folder: Path
    kills: int = 50
    stops: int = 10
    flips: int = 200
    fills: int = 10
    sweep_kills: int = 8
    search_kills: int = 5
    sweep_pairs: int = 5
    pairs: int = 15
    seed: int = 0

    def track(self, items: Iterable[T], doing: str) -> Iterator[T]:
        """The items, with a line for each that tells how far it is."""
        items = list(items)
        for number, item in enumerate(items, 1):
            print(f"\r{doing}: {number} of {len(items)}  ", end="" if number < len(items) else "\n", flush=True)
            yield item
