"""Figures of a run: files in a folder, and images in TensorBoard."""

import time
from collections.abc import Iterable
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.image import metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from leyden.plots.plot import Plot, errors_logged, save_plots

# All images of a run, apart from its scalars, which are much smaller. The first file by name, as TensorBoard may watch
# only the last one for new values.
IMAGE_EVENTS = "events.out.tfevents.0000000000.images"


def write_plots(trainer: L.Trainer, folder: Path, plots: Iterable[Plot], step: int | None) -> None:
    """Draw figures, and save them in a folder and in the event files of a run.

    Args:
        trainer: with the loggers.
        folder: of the PNG files.
        plots: drawn one after the other.
        step: under which TensorBoard shows them; None to leave out what it draws itself, such as curves.
    """
    folders = [logger.log_dir for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    local = [Path(folder) for folder in folders if "://" not in folder] if step is not None else []
    for plot, png in save_plots(folder, plots):
        for log_dir in local:
            with errors_logged():
                _append(log_dir / IMAGE_EVENTS, plot, png, step)


def _append(path: Path, plot: Plot, png: bytes, step: int | None) -> None:
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))  # of the PNG header
    about = metadata.create_summary_metadata(plot.title, plot.caption)
    content = tensor_util.make_tensor_proto([str(width).encode(), str(height).encode(), png], dtype="string")
    value = Summary.Value(tag=f"plots/{plot.name}", metadata=about, tensor=content)
    event = Event(wall_time=time.time(), step=step, summary=Summary(value=[value]))
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.is_file()
    with path.open("ab") as file:
        writer = RecordWriter(file)
        if is_new:
            writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        writer.write(event.SerializeToString())
