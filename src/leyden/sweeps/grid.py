"""Every combination of values."""

import logging
from collections.abc import Mapping, Sequence
from itertools import product

from hydra.core.override_parser.types import Override

from leyden.sweeps.compose import Composer
from leyden.sweeps.job import Job, Outcome, outcome
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
_MANY = 50


class Grid:
    """The jobs of `optimizer.lr=0.1,0.01 seed=1,2,3`: six, the last key changing first.

    All are composed and checked at once, so that a mistake in one is told before any is executed.

    Args:
        composer: makes jobs.
        swept: for each key, as Hydra takes it, the values that were typed.

    Raises:
        UserError: values are not a list, or a job does not hold.
    """

    kind = "grid"

    def __init__(self, composer: Composer, swept: Mapping[str, Override]) -> None:
        self.swept = [key.lstrip("+") for key in swept]
        values = [_texts(override) for override in swept.values()]
        combinations = [dict(zip(swept, texts, strict=True)) for texts in product(*values)]
        if len(combinations) > _MANY:
            log.info("%s jobs are composed and checked", f"{len(combinations):,}")
        jobs = [composer.job(combination) for combination in combinations]
        self._jobs = _distinct(jobs)
        config = self._jobs[0].experiment.config
        self.objectives = {config["monitor"]: config["mode"]}
        others = {job.experiment.config["monitor"] for job in self._jobs} - {config["monitor"]}
        if others:
            log.warning("jobs monitor %s too; the table is of %s", ", ".join(sorted(others)), config["monitor"])
        self.total = len(self._jobs)
        self._left: list[Job] = []
        self._done: set[str] = set()

    def open(self) -> Sequence[Outcome]:
        done = [found for found in map(outcome, self._jobs) if found.done]
        self._done = {found.job.name for found in done}
        self._left = [job for job in self._jobs if job.name not in self._done]
        return done

    def examples(self) -> Sequence[Job]:
        return self._jobs

    def next(self) -> Job | None:
        return self._left.pop(0) if self._left else None

    def tell(self, outcome: Outcome) -> None:
        if outcome.done:
            self._done.add(outcome.job.name)

    def left(self) -> int:
        return self.total - len(self._done)

    def close(self) -> None:
        pass


def _distinct(jobs: Sequence[Job]) -> list[Job]:
    """Each job once, also where a value was given twice."""
    found: dict[str, Job] = {}
    for job in jobs:
        other = found.setdefault(job.name.lower(), job)  # some file systems know no case
        if other.settings != job.settings:
            raise UserError(f"{job.name}: two jobs would have a directory of this name; sweep them one after the other")
    return list(found.values())


def _texts(override: Override) -> list[str]:
    typed = str(override.input_line).lstrip("+")
    if not override.is_discrete_sweep():
        raise UserError(f"{typed}: is a range for a search; give values with commas, or add sweep=optuna")
    texts = list(override.sweep_string_iterator())
    if not texts:
        raise UserError(f"{typed}: there is nothing in it; give values with commas")
    return texts
