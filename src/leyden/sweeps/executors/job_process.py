"""Process of one job of the local executor."""

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

from leyden.sweeps.job import Job, run_job
from leyden.system.console import set_up_logging
from leyden.system.graceful_shutdown import STOPS


def run_job_process(job: Job, output: Path, environment: Mapping[str, str], threads: int | None) -> None:
    """Run a job in this process.

    Args:
        output: file for stdout and stderr.
        environment: variables to set.
        threads: of torch; None for its default.

    Raises:
        SystemExit: it failed, or was interrupted.
    """
    _redirect(output)
    os.environ.update(environment)
    if threads:
        import torch

        torch.set_num_threads(threads)
    set_up_logging()
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(STOPS))  # blocked in the fork server
        run_job(job)
    except KeyboardInterrupt:  # before there is a run that handles it
        raise SystemExit(128 + Signals.SIGINT) from None


def _redirect(output: Path) -> None:
    """Redirect stdout and stderr to a file, those of C code too."""
    sys.stdout.flush()
    sys.stderr.flush()
    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def _stop_with_parent() -> None:
    """Stop with a checkpoint when the sweep's process is killed."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
