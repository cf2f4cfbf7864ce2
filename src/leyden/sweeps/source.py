"""Where the jobs of a sweep come from: a grid, or a search."""

from collections.abc import Sequence
from typing import Protocol

from leyden.sweeps.job import Job, Outcome


class Source(Protocol):
    """Hands out jobs, and is told what came of them.

    Attributes:
        kind: grid or search.
        swept: the keys whose values differ from job to job.
        objectives: metrics to be made small (`min`) or large (`max`).
        total: how many jobs are to be done.
    """

    kind: str
    swept: list[str]
    objectives: dict[str, str]
    total: int

    def open(self) -> Sequence[Outcome]:
        """Take up what there is already: the jobs that are done. Called once, when the sweep's directory is ours.

        Raises:
            UserError: what there is belongs to another sweep.
        """

    def examples(self) -> Sequence[Job]:
        """Jobs that are known before any is executed; at least one."""

    def next(self) -> Job | None:
        """The job to begin now; None where none is to be begun, at all or before others have ended."""

    def tell(self, outcome: Outcome) -> None:
        """What came of a job that was handed out."""

    def left(self) -> int:
        """How many are not done yet."""

    def close(self) -> None:
        """The sweep is over, or stops here."""
