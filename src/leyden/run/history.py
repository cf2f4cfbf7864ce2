"""Logged history of a run, cut back to the step from which it resumes: later steps will be logged again."""

import csv
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

from leyden.checkpoints.files import read_checkpoint, verify
from leyden.system.atomic_files import previous, replacing, write_text

log = logging.getLogger(__name__)
METRICS, TENSORBOARD = "metrics.csv", "tensorboard"
# Tags of settings and results, which are written at each start and end.
_OF_RUN = ("_hparams_/", "best/", "result/", "run/", "custom_scalars__config__")  # result/ of older versions


def event_files(run_dir: Path) -> list[Path]:
    """Event files of TensorBoard in a run directory."""
    return sorted((run_dir / TENSORBOARD).rglob("*tfevents*"))


def cut_history(run_dir: Path, step: int, events: Sequence[Path]) -> None:
    """Remove what was logged at a step or after it, and incomplete lines of a process that was killed.

    Args:
        run_dir: with metrics.csv, if there is one.
        step: first step that will be logged again.
        events: event files of TensorBoard that no process writes to.
    """
    table = run_dir / METRICS
    if table.is_file():
        _cut_table(table, step)
    for path in events:
        _cut_events(path, step)


def restore_previous_checkpoint(checkpoint: Path, step: int) -> None:
    """Restore the checkpoint of a step if it was replaced or removed later and the previous one is of that step."""
    before = previous(checkpoint)
    if not before.is_file() or verify(before) is not None:
        return
    is_newer = verify(checkpoint) is not None or read_checkpoint(checkpoint).get("global_step", 0) > step
    if is_newer and read_checkpoint(before).get("global_step") == step:
        os.replace(before, checkpoint)


def _cut_table(path: Path, step: int) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]  # a last line without an end was cut off
    rows = list(csv.DictReader(io.StringIO(whole)))
    if not rows:
        path.unlink()
        return
    kept = io.StringIO(newline="")
    names = list(rows[0])
    writer = csv.DictWriter(kept, fieldnames=names)
    writer.writeheader()
    writer.writerows(row for row in rows if (row.get("step") or "").isdigit() and int(row["step"]) < step)
    write_text(path, kept.getvalue())


def _cut_events(path: Path, step: int) -> None:
    """Rewrite an event file, which has one event in each record; an incomplete record ends the file."""
    with replacing(path) as file:
        writer = RecordWriter(file)
        kept = 0
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            if not _is_logged_again(event, step):
                writer.write(record)
                kept += event.HasField("summary")
    if not kept:
        path.unlink()


def _is_logged_again(event: Event, step: int) -> bool:
    if not event.HasField("summary"):
        return False  # the file's version and source
    if event.step >= step:
        return True
    return any(value.tag == "best" or value.tag.startswith(_OF_RUN) for value in event.summary.value)
