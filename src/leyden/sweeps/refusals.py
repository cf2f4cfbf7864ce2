"""Detection of a user's mistake that all jobs share, so that the remaining ones need not be tried."""

from collections.abc import Sequence

from leyden.sweeps.job import Job, Outcome
from leyden.sweeps.job_source import JobSource


class Refusals:
    """Detects that all jobs of a sweep fail with the same user error.

    One job may be refused because of its own values. If several are refused with the same message, whatever the values
    of the swept keys, the reason is something they share: a `monitor` that is not logged, a missing GPU.

    Attributes:
        common: the shared error; None as long as another job may succeed.
    """

    def __init__(self, source: JobSource) -> None:
        self._planned: Sequence[Job] = source.examples() if source.kind == "grid" else ()
        self._refused: list[Job] = []
        self._errors: set[str | None] = set()
        self._others = source.remaining() < source.total  # that ran, or failed differently
        self.common: str | None = None

    def note(self, found: Outcome) -> None:
        """Take the outcome of a job into account."""
        if found.refused:
            self._refused.append(found.job)
            self._errors.add(found.error)
        else:
            self._others = True
        self.common = found.error if self._is_of_all() else None

    def _is_of_all(self) -> bool:
        jobs = self._refused
        if self._others or len(jobs) < 2 or len(self._errors) > 1:
            return False
        keys = {key for job in (*jobs, *self._planned) for key in job.settings}
        varied = {key for key in keys if _values(jobs, key) > 1}
        fixed = {key for key in keys if self._planned and _values(self._planned, key) == 1}
        return keys <= varied | fixed


def _values(jobs: Sequence[Job], key: str) -> int:
    return len({repr(job.settings.get(key, ...)) for job in jobs})
