"""Interface of executors: a new launcher implements `Executor`, and returns it in hydra_plugins/leyden_sweeps.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from leyden.sweeps.job import Job

OUTPUT = "output"  # folder of a sweep with the output of its jobs


@dataclass(frozen=True)
class Ended:
    """A job whose process has ended. Its outcome is in its run directory.

    Attributes:
        cause: of an abnormal end of its process, such as `killed by SIGKILL`.
    """

    job: Job
    cause: str | None = None


class Executor(Protocol):
    """Executes jobs, each with `leyden.sweeps.job.run_job` in its own process.

    Attributes:
        slots: number of jobs at a time; further ones may wait.
        stops_in_handler: `stop` is called directly in the signal handler.
        output: folder with the output of jobs, from `open` on, `<name of the job>.txt`; None if they print to the
            terminal.
    """

    slots: int
    output: Path | None
    stops_in_handler: bool

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        """Prepare for a sweep.

        Args:
            sweep_dir: of the sweep; the output of a job goes to `<OUTPUT>/<name of the job>.txt` in it.
            jobs: at least one example of the jobs to come.

        Raises:
            UserError: jobs cannot be executed: a package is not installed, or there is no cluster.
        """

    def is_submitted(self, job: Job) -> bool:
        """True if a job is still executed for an earlier invocation that was killed; `start` then takes it over."""

    def start(self, job: Job) -> None:
        """Start a job in the background."""

    def wait(self, seconds: float) -> list[Ended]:
        """Jobs that have ended since the last call; waits for the first one, at most so long."""

    def stop(self, signal: Signals) -> None:
        """Stop all jobs after a checkpoint; when called again, at once."""

    def close(self) -> None:
        """End all jobs, and release all resources."""
