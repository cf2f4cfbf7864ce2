"""Process of one job that is read from standard input: `python -m leyden.sweeps.executors.job_from_stdin`.

The pipe stays open. When it closes, the parent process is gone, and the job stops with a checkpoint.
"""

import os
import pickle
import signal
import threading
import time
from signal import Signals
from typing import BinaryIO, NoReturn

from leyden.sweeps.job import Job, run_job
from leyden.system.console import set_up_logging
from leyden.system.graceful_shutdown import GracefulShutdown

_PATIENCE = 60.0  # seconds for a step and a checkpoint, after the parent is gone


def main() -> None:
    """Run the job.

    Raises:
        SystemExit: it failed, or was interrupted.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))  # Ray's workers block them
    with GracefulShutdown():
        pipe = os.fdopen(os.dup(0), "rb")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # data workers close stdin, and would wait for our thread
        job: Job = pickle.load(pipe)
        threading.Thread(target=_stop_with, args=(pipe,), daemon=True).start()
        set_up_logging()
        run_job(job)


def _stop_with(pipe: BinaryIO) -> NoReturn:
    pipe.read(1)
    os.kill(os.getpid(), Signals.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    main()
