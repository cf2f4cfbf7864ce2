"""Task that runs inside a SLURM job."""

import signal
import subprocess
from signal import Signals
from typing import TYPE_CHECKING

from leyden.sweeps.job import Job, record_failure, run_job
from leyden.system.console import set_up_logging
from leyden.system.graceful_shutdown import GracefulShutdown, Interrupted
from leyden.system.processes import rank

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

_TOO_OFTEN = "time limit reached too often; raise hydra.launcher.timeout_min=…, hydra.launcher.max_num_timeout=…"
_REFUSED = "it was stopped, and SLURM did not requeue it (scontrol requeue)"


class SlurmTask:
    """Runs a job, and has submitit requeue it when SLURM warns that it will be stopped.

    Submitit itself requeues in its signal handler, in the middle of a step. Here the run stops after its step with a
    checkpoint, and its record is closed, before that handler is called: it counts the timeouts, calls scontrol and ends
    the process. SLURM restarts the job, which resumes from the checkpoint. Lightning's own requeue by SIGUSR1 is
    disabled (`leyden.system.graceful_shutdown.GracefulShutdown.take_over`).
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self) -> None:
        """Run the job. After a signal, its further processes end before the first one, which requeues.

        Raises:
            SystemExit: it failed, was interrupted, or is requeued.
        """
        from submitit import JobEnvironment

        set_up_logging()
        warning = Signals[f"SIG{JobEnvironment.USR_SIG}"]
        handler = signal.getsignal(warning)
        try:
            with GracefulShutdown():
                run_job(self.job)
        except Interrupted as stopped:
            if rank():
                raise SystemExit(0) from None  # with another status SLURM would kill the one that requeues
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
            record_failure(self.job, _TOO_OFTEN)
            raise SystemExit(1) from None
        except (OSError, subprocess.SubprocessError) as error:
            record_failure(self.job, _REFUSED)
            raise SystemExit(1) from error

    def checkpoint(self) -> "DelayedSubmission":
        """Submission after a requeue, for submitit."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
