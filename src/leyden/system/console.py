"""Log output of a program: to the terminal and to a file."""

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
    """Send the log to the terminal, in colour if it has any, and silence messages that are of no use to a user."""
    handler: logging.Handler
    if rich.get_console().is_terminal:
        handler = RichHandler(show_path=False, show_level=False, log_time_format="%H:%M:%S")
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = _Plain(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level = logging.INFO if rank() == 0 else logging.WARNING  # one process logs for all processes of a run
    logging.basicConfig(level=level, handlers=[handler], force=True)
    rich.get_console().on_broken_pipe = lambda: None  # type: ignore[method-assign]  # which would end the run
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_error
    for chatty in ("pytorch.utilities.rank_zero", "fabric.utilities.rank_zero", "fabric.utilities.distributed"):
        logging.getLogger(f"lightning.{chatty}").setLevel(logging.WARNING)
    for message in _KNOWN:
        warnings.filterwarnings("ignore", message)


class _Plain(logging.StreamHandler[TextIO]):
    """A log to a pipe; a reader that closes it, such as `head`, does not end the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


class LogFile(logging.FileHandler):
    """The log file of a run. A full disk is reported by the writers of other files."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        pass


def _log_thread_error(error: threading.ExceptHookArgs) -> None:
    """Report an error in a thread as Python does; a full disk, which is reported elsewhere too, in one line."""
    if is_full(error.exc_value):
        log.warning("not everything was written (%s)", error.exc_value.strerror)
    else:
        threading.__excepthook__(error)


# Warnings of what is intended here.
_KNOWN = (
    "Experiment logs directory .* exists and is not empty",  # the run directory, which is new
    ".*LeafSpec.* is deprecated",  # from Lightning's use of torch
    "The number of training batches .* is smaller than the logging interval",
    "Total length of `list` across ranks is zero",  # data.val_size=0
    "It is recommended to use .*sync_dist=True",  # epoch metrics are computed over all processes
    "Checkpoint directory .* exists and is not empty",
    "You're resuming from a checkpoint that ended before the epoch ended",  # our data loaders restore their position
    "The `srun` command is available",  # on a login node; the hint repeats what was typed, passwords included
    "ReduceLROnPlateau conditioned on metric val/.* which is not available but strict",  # no validation yet
    "Found .* module.s. in eval mode at the start of training",  # frozen layers
)
