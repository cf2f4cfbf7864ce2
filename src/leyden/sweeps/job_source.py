"""Interface of the two sources of jobs: a grid and a search."""

from collections.abc import Sequence
from typing import Protocol

from leyden.sweeps.job import Job, Outcome


class JobSource(Protocol):
    """Source of a sweep's jobs, with Optuna's ask-and-tell interface.

    Attributes:
        kind: grid or search.
        swept: the keys whose values differ between jobs.
        objectives: `min` or `max` for each metric.
        total: number of jobs to be done.
    """

    kind: str
    swept: list[str]
    objectives: dict[str, str]
    total: int

    def open(self) -> Sequence[Outcome]:
        """Jobs that are done already. Called once, when the sweep's directory is locked.

        Raises:
            UserError: the study belongs to another sweep.
        """

    def examples(self) -> Sequence[Job]:
        """Jobs that are known before any is executed; at least one."""

    def ask(self) -> Job | None:
        """Next job; None if there is none, or none before others have ended."""

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome of a job."""

    def remaining(self) -> int:
        """Number of jobs that are not done yet."""

    def close(self) -> None:
        """End the sweep, finished or not."""
