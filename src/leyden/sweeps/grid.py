"""Grid: every combination of values."""

import logging
from collections.abc import Mapping, Sequence
from itertools import product

from hydra.core.override_parser.types import Override

from leyden.sweeps.experiment_glob import distinct_experiments, is_glob, without_downloads
from leyden.sweeps.job import Job, Outcome, read_outcome
from leyden.sweeps.job_composer import JobComposer
from leyden.system.errors import UserError

log = logging.getLogger(__name__)
_MANY = 50


class Grid:
    """The jobs of `optimizer.lr=0.1,0.01 seed=1,2,3`: six, the last key changing first.

    All are composed and checked first, so that a mistake in one is reported before any is executed.

    Args:
        swept: for each key in Hydra's form, the values that were typed.

    Of a glob of experiments, those that need a download are left out.

    Raises:
        UserError: values are not a list, or a job is wrong.
    """

    kind = "grid"

    def __init__(self, composer: JobComposer, swept: Mapping[str, Override]) -> None:
        self.swept = [key.lstrip("+") for key in swept]
        values = [_texts(override) for override in swept.values()]
        globbed = swept.get("experiment")
        if is_glob(globbed):
            folder = composer.configs / "experiment"
            values = [
                distinct_experiments(texts, folder) if key == "experiment" else texts
                for key, texts in zip(swept, values, strict=True)
            ]
        combinations = [dict(zip(swept, texts, strict=True)) for texts in product(*values)]
        if len(combinations) > _MANY:
            log.info("composing and checking %s jobs", f"{len(combinations):,}")
        jobs = [composer.job(combination) for combination in combinations]
        if globbed is not None and is_glob(globbed):
            jobs = without_downloads(jobs, str(globbed.input_line))
        self._jobs = _distinct(jobs)
        config = self._jobs[0].experiment.config
        self.objectives = {config["monitor"]: config["mode"]}
        self.total = len(self._jobs)
        self._left: list[Job] = []
        self._done: set[str] = set()

    def open(self) -> Sequence[Outcome]:
        done = [found for found in map(read_outcome, self._jobs) if found.done]
        self._done = {found.job.name for found in done}
        self._left = [job for job in self._jobs if job.name not in self._done]
        return done

    def examples(self) -> Sequence[Job]:
        return self._jobs

    def ask(self) -> Job | None:
        return self._left.pop(0) if self._left else None

    def tell(self, outcome: Outcome) -> None:
        if outcome.done:
            self._done.add(outcome.job.name)

    def remaining(self) -> int:
        return self.total - len(self._done)

    def close(self) -> None:
        pass


def _distinct(jobs: Sequence[Job]) -> list[Job]:
    """Jobs without duplicates, which come from a repeated value."""
    found: dict[str, Job] = {}
    for job in jobs:
        other = found.setdefault(job.name.lower(), job)  # some file systems ignore case
        if other.settings != job.settings:
            raise UserError(f"{job.name}: two jobs would have a directory of this name; sweep them separately")
    return list(found.values())


def _texts(override: Override) -> list[str]:
    typed = str(override.input_line).lstrip("+")
    if not override.is_discrete_sweep():
        raise UserError(f"{typed}: is the range of a search; give values with commas, or add sweep=optuna")
    texts = list(override.sweep_string_iterator())
    if not texts:
        if is_glob(override):
            raise UserError(f"{typed}: matches no file of configs/{override.key_or_group}; glob(*) matches all")
        raise UserError(f"{typed}: is empty; give values with commas")
    return texts
