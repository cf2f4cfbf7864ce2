"""What a run logged, as it can be compared with another run: without times and memory."""

import csv
from collections import defaultdict
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

MEASURED = ("time/", "memory/")  # differ from run to run

Rows = list[list[tuple[str, str]]]


def table(run_dir: Path) -> Rows:
    """The rows of metrics.csv, without empty cells and measured ones."""
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        found = [
            sorted((name, value) for name, value in row.items() if value and not name.startswith(MEASURED))
            for row in csv.DictReader(file)
        ]
    return sorted(row for row in found if [name for name, _ in row] != ["step"])


def events(run_dir: Path) -> list[Event]:
    """All events of a run in TensorBoard, file by file."""
    files = sorted((run_dir / "tensorboard").rglob("*tfevents*"))
    return [event for path in files for event in EventFileLoader(str(path)).Load() if event.HasField("summary")]


def scalars(run_dir: Path) -> dict[str, list[tuple[int, float]]]:
    """Step and value of each scalar in TensorBoard, by its tag."""
    found = defaultdict(list)
    for event in events(run_dir):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                found[value.tag].append((event.step, value.tensor.float_val[0]))
    return dict(found)
