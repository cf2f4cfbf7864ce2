"""Whether jobs are refused for what they have in common, so that the rest would be refused as well."""

from collections.abc import Sequence

from leyden.sweeps.job import Job, Outcome
from leyden.sweeps.source import Source


class Refusals:
    """What is wrong with all jobs of a sweep, found by those that were tried.

    A job that is refused may be so for its own values. Where several are, in the same words, whatever value each swept
    key has, it is for what all share: a `monitor` that is not measured, a GPU that is not there.

    Args:
        source: of the jobs, opened.

    Attributes:
        common: what all are refused for; None as long as another job may do better.
    """

    def __init__(self, source: Source) -> None:
        self._planned: Sequence[Job] = source.examples() if source.kind == "grid" else ()
        self._refused: list[Job] = []
        self._errors: set[str | None] = set()
        self._others = source.left() < source.total  # that ran, or failed in another way
        self.common: str | None = None

    def note(self, found: Outcome) -> None:
        """A job has ended."""
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
