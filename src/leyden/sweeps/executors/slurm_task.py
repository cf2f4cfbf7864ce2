"""What runs inside a job of SLURM."""

import signal
import subprocess
from signal import Signals
from typing import TYPE_CHECKING

from leyden.sweeps.job import Job, note_failure, perform
from leyden.system.console import set_up_logging
from leyden.system.graceful_shutdown import GracefulShutdown, Interrupted
from leyden.system.processes import rank

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

_TOO_OFTEN = "its time was over too often; give more: hydra.launcher.timeout_min=…, hydra.launcher.max_num_timeout=…"
_REFUSED = "it was to stop, and SLURM did not put it into the queue again (scontrol requeue)"


class Task:
    """Performs a job, and lets submitit put it into the queue again when SLURM warns that it will be stopped.

    submitit would do so within its signal handler, wherever the run is just then. Here the run stops after its step
    with a checkpoint, and its record is closed, before that handler is called: it counts how often time was over,
    tells SLURM, and ends the process. SLURM starts the job again, which goes on from the checkpoint. Lightning, which
    would requeue by SIGUSR1, is not asked (`leyden.system.graceful_shutdown.GracefulShutdown.take_over`).

    Args:
        job: what is performed.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self) -> None:
        """Perform the job. In further processes of a job, where a signal ends all, the first one is waited for.

        Raises:
            SystemExit: it failed, was interrupted, or is to begin again.
        """
        from submitit import JobEnvironment

        set_up_logging()
        warning = Signals[f"SIG{JobEnvironment.USR_SIG}"]
        handler = signal.getsignal(warning)
        try:
            with GracefulShutdown():
                perform(self.job)
        except Interrupted as stopped:
            if rank():
                raise SystemExit(0) from None  # another status would have SLURM kill the one that requeues
            if stopped.signal != warning or not callable(handler):
                raise
            signal.signal(warning, signal.SIG_IGN)
            self._requeue(handler, warning)

    def _requeue(self, handler: "signal._HANDLER", warning: Signals) -> None:
        from submitit.core.utils import UncompletedJobError

        assert callable(handler)
        try:
            handler(warning, None)
        except UncompletedJobError:
            note_failure(self.job, _TOO_OFTEN)
            raise SystemExit(1) from None
        except (OSError, subprocess.SubprocessError) as error:
            note_failure(self.job, _REFUSED)
            raise SystemExit(1) from error

    def checkpoint(self) -> "DelayedSubmission":
        """What is to be performed after a requeue: submitit asks for it."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
