"""What a sweep asks of whatever executes its jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from leyden.sweeps.job import Job

OUTPUT = "output"  # the folder of a sweep that has what its jobs printed


@dataclass(frozen=True)
class Ended:
    """A job that is not executed any more. What came of it stands in its run directory.

    Attributes:
        job: which.
        cause: how its process ended, if that was not by itself: `killed by SIGKILL`.
    """

    job: Job
    cause: str | None = None


class Executor(Protocol):
    """Executes jobs, each by `leyden.sweeps.job.perform` in a process of its own.

    Attributes:
        slots: how many jobs it takes at a time; what is started beyond that may wait.
        prompt: whether `stop` may be called within the handler of a signal, before the signal is even known elsewhere.
    """

    slots: int
    prompt: bool

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        """Make ready for a sweep.

        Args:
            sweep_dir: where it is kept; what a job prints may be kept in `<OUTPUT>/<name of the job>.txt` below.
            jobs: those that are known already, as examples of what is to come: at least one.

        Raises:
            UserError: jobs cannot be executed, as a package is not installed or a cluster not there.
        """

    def holds(self, job: Job) -> bool:
        """Whether a job is executed already, for a sweep that was killed; `start` then takes it over."""

    def start(self, job: Job) -> None:
        """Begin a job; it goes on beside."""

    def wait(self, seconds: float) -> list[Ended]:
        """The jobs that have ended since this was asked last; waits for the first at most so long."""

    def stop(self, signal: Signals) -> None:
        """Ask all that are executed to stop with a checkpoint; asked again, to stop at once."""

    def close(self) -> None:
        """End what is left, and let go of everything."""
