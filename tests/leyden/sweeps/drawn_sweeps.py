"""Sweeps written by hand, for plots."""

from itertools import product
from pathlib import Path
from typing import Any

from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep


def searched(path: Path, **record: Any) -> Path:
    """Forty trials of which only `a` matters; each fourth was pruned, two failed, `c` is set in some only."""
    jobs = []
    for n in range(40):
        settings = {"a": 10 ** (-4 + n % 20 / 5), "b": n % 7 / 7, "kind": ["x", "y$z", None][n % 3]}
        settings |= {"c": n} if n % 2 else {}
        run = finished("pruned" if n % 4 == 0 else "finished", best__val__acc=1 - abs(n % 20 - 9) / 20, epochs=n)
        jobs.append({"settings": settings, "trial": n, **(failed("Boom") if n in (3, 5) else {"record": run})})
    return keep_sweep(path, jobs, objectives={"val/acc": "max"}, kind="search", **record)


def grid(path: Path, noise: float = 0.0) -> Path:
    """A grid whose objective is 2 a + b + noise: of its variance a explains 80 %, and b the rest, without noise."""
    jobs = [
        {"settings": {"a": a, "b": b, "seed": seed}, "record": finished(best__val__loss=2.0 * a + b + noise * seed)}
        for a, b, seed in product((-1, 1), (-1, 1), (-1, 1))
    ]
    return keep_sweep(path, jobs)


def of_few(path: Path, jobs: int, kind: str = "search") -> Path:
    """Trials of which every other one has a momentum."""
    found = [
        {"settings": {"lr": n, "opt": "ab"[n % 2], **({"m": n} if n % 2 else {})}, "record": finished(val__loss=n**1.5)}
        for n in range(jobs)
    ]
    return keep_sweep(path, found, kind=kind)
