"""Fault injection on run directories: kills, signals, damage, a full disk, hostile files; as a Markdown table.

    python scripts/torture.py
    python scripts/torture.py --only kill,signals --kills 200
    python scripts/torture.py --quick

It takes an hour on two CPUs, --quick some minutes. The exit status is 1 if a promise is broken.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # what the tests use too is in tests/leyden/torture/
try:
    import torch
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.system.environment import restart

    restart(missing)

from tests.leyden.torture import cost, damage, disk, elsewhere, hostile, searches, stops, sweeps
from tests.leyden.torture.bench import Bench, Row
from tests.leyden.torture.doors import Doors

ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "kill": stops.kill,
    "signals": stops.signals,
    "averages": stops.averages,
    "damage": damage.damage,
    "disk": disk.full_disk,
    "hostile": hostile.hostile,
    "defaults": elsewhere.changed_defaults,
    "experiments": elsewhere.every_experiment,
    "grid": sweeps.grid_kills,
    "faults": sweeps.faults,
    "launchers": sweeps.launchers,
    "executors": sweeps.executors,
    "search": searches.search_kills,
    "pruning": searches.pruning,
    "cost": cost.cost,
}
QUICK = {
    "kills": 4,
    "stops": 2,
    "flips": 30,
    "fills": 3,
    "sweep_kills": 2,
    "search_kills": 1,
    "sweep_pairs": 1,
    "pairs": 3,
}


def main() -> int:
    options = parsed()
    amounts = {name: getattr(options, name) for name in QUICK}
    rows = []
    with tempfile.TemporaryDirectory(prefix="torture") as folder, Doors() as doors:
        for name in options.only:
            began = time.monotonic()
            rows += ROWS[name](Bench(doors, Path(options.folder or folder) / name, **amounts, seed=options.seed))
            print(f"{name}: {time.monotonic() - began:.0f} s\n", flush=True)
    print(table(rows))
    return int(any(row.good is False for row in rows))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    for name in QUICK:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--seed", type=int, default=0, help="of random moments and places")
    parser.add_argument("--folder", help="where runs are kept, for a look at what went wrong; an empty one")
    options = parser.parse_args()
    if unknown := set(options.only) - set(ROWS):
        parser.error(f"--only={','.join(sorted(unknown))}: there are {', '.join(ROWS)}")
    for name, few in QUICK.items():
        if getattr(options, name) is None:
            setattr(options, name, few if options.quick else getattr(Bench, name))
    return options


def table(rows: list[Row]) -> str:
    marks = {True: "", False: " **broken**", None: " (not tried)"}
    lines = [f"| {row.name} | {' '.join(row.result.split()).replace('|', '/')}{marks[row.good]} |" for row in rows]
    return "\n".join(["| What was done | Result |", "|---|---|", *lines])


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    sys.exit(main())
