"""What a person sees while a program runs."""

import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import TextIO

import rich
from rich.logging import RichHandler

from leyden.system.atomic_files import is_full
from leyden.system.processes import rank

log = logging.getLogger(__name__)


def set_up_logging() -> None:
    """Send the log to the terminal, in colour where there is one, and quieten what says nothing to a user."""
    handler: logging.Handler
    if rich.get_console().is_terminal:
        handler = RichHandler(show_path=False, show_level=False, log_time_format="%H:%M:%S")
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = _Plain(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level = logging.INFO if rank() == 0 else logging.WARNING  # one voice for all processes of a run
    logging.basicConfig(level=level, handlers=[handler], force=True)
    rich.get_console().on_broken_pipe = lambda: None  # type: ignore[method-assign]  # it would end the run
    logging.captureWarnings(True)
    threading.excepthook = _tell_of_thread
    for chatty in ("pytorch.utilities.rank_zero", "fabric.utilities.rank_zero", "fabric.utilities.distributed"):
        logging.getLogger(f"lightning.{chatty}").setLevel(logging.WARNING)
    for message in _KNOWN:
        warnings.filterwarnings("ignore", message)


class _Plain(logging.StreamHandler[TextIO]):
    """A log that is read, perhaps by `head`: who does not listen any more ends no run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


class LogFile(logging.FileHandler):
    """A log that is kept. A disk that is full is told of by whoever needs it more."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        pass


def _tell_of_thread(what: threading.ExceptHookArgs) -> None:
    """As Python does; but a full disk, which whoever the thread writes for tells of too, is no bug of ours."""
    if is_full(what.exc_value):
        log.warning("not everything was written (%s)", what.exc_value.strerror)
    else:
        threading.__excepthook__(what)


# Warnings that are answered by design, and would only teach a reader to look away.
_KNOWN = (
    "Experiment logs directory .* exists and is not empty",  # the run directory, which is new
    ".*LeafSpec.* is deprecated",  # Lightning's business with torch
    "The number of training batches .* is smaller than the logging interval",
    "Total length of `list` across ranks is zero",  # data.val_size=0
    "It is recommended to use .*sync_dist=True",  # what is logged for an epoch was computed over all processes
    "Checkpoint directory .* exists and is not empty",
    "You're resuming from a checkpoint that ended before the epoch ended",  # our loaders know where they were
    "The `srun` command is available",  # on a login node; the hint repeats what was typed, passwords included
    "ReduceLROnPlateau conditioned on metric val/.* which is not available but strict",  # no validation yet
    "Found .* module.s. in eval mode at the start of training",  # what is frozen
)
