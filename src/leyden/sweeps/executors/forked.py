"""The process of one job, from its first moment on."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path
from signal import Signals
from typing import Any

from leyden.sweeps.job import Job, perform
from leyden.system.console import set_up_logging
from leyden.system.graceful_shutdown import STOPS


def perform_alone(job: Job, output: Path | None, environment: Mapping[str, str], threads: int | None) -> None:
    """Perform a job in this process.

    Args:
        job: which.
        output: the file that takes what is printed; None for the terminal.
        environment: variables that are set for it.
        threads: of torch; None for as many as it likes.

    Raises:
        SystemExit: it failed, or was interrupted.
    """
    if output:
        _redirect(output)
    os.environ.update(environment)
    if threads:
        import torch

        torch.set_num_threads(threads)
    set_up_logging()
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(STOPS))  # blocked in the server
        perform(job)
    except KeyboardInterrupt:  # before there was a run that could keep it
        raise SystemExit(128 + Signals.SIGINT) from None


def _redirect(output: Path) -> None:
    """What the process prints, and what C code in it prints, goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def _stop_with_parent() -> None:
    """A sweep that is killed does not leave jobs behind: they stop with a checkpoint, for the sweep to go on with."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
