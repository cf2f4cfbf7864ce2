"""Log output of a program: to the terminal and to a file."""

import io
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import TextIO

import rich
from rich.console import Console
from rich.text import Text

from leyden.system.atomic_files import is_full
from leyden.system.formatting import first_fitting
from leyden.system.processes import rank

log = logging.getLogger(__name__)


def set_up_logging(quiet: bool = False) -> None:
    """Send the log to the terminal, and silence messages that are of no use to a user.

    Args:
        quiet: print errors only, to stderr. The log file of a run is complete in any case.
    """
    console, handler = rich.get_console(), logging.Handler()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows ? for ×, and the run continues
    console.quiet = quiet
    console.on_broken_pipe = lambda: None  # type: ignore[method-assign]  # which would end the run
    if console.is_terminal and not quiet:
        handler = _Terminal(console)
        console.is_interactive = console.is_interactive and sys.stdout.isatty()  # FORCE_COLOR colours a file, too
    else:
        handler = _Plain(sys.stderr if quiet else sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.setLevel(logging.ERROR if quiet else logging.NOTSET)
    level = logging.INFO if rank() == 0 else logging.WARNING  # one process logs for all processes of a run
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_error
    for chatty in ("pytorch.utilities.rank_zero", "fabric.utilities.rank_zero", "fabric.utilities.distributed"):
        logging.getLogger(f"lightning.{chatty}").setLevel(logging.WARNING)
    for message in _KNOWN:
        warnings.filterwarnings("ignore", message)


def has_live_display() -> bool:
    """True if stdout is a terminal that can show a line that changes, such as a progress bar."""
    console = rich.get_console()
    return console.is_interactive and not console.quiet


def log_line(logger: logging.Logger, *forms: str, level: int = logging.INFO) -> None:
    """Log one line that must not wrap.

    Args:
        forms: the line, then shorter forms of it. Files have the first; a terminal shows the first that fits, or the
            last without its middle. Spaces at their end are counted but not shown.
    """
    logger.log(level, "%s", forms[0].rstrip(), extra={"forms": forms})


class _Terminal(logging.Handler):
    """A log to a terminal: without the time, warnings in yellow, errors in red, long lines left to the terminal.

    The terminal wraps a line without inserting a line break, so that a command in it can be copied.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            if forms := getattr(record, "forms", None):
                text = first_fitting(forms, self.console.width)
            style = {logging.WARNING: "yellow", logging.ERROR: "red"}.get(record.levelno, "")
            line = Text(text, style)
            if record.levelno < logging.WARNING:
                line.highlight_regex(r"^[a-z]+( [a-z]+){0,3}:(?=\s|$)|\bbest$", "bold")
            self.console.print(line, soft_wrap=True)
        except Exception:
            self.handleError(record)


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
