"""Every combination of values."""

from collections.abc import Mapping, Sequence
from itertools import product

from hydra.core.override_parser.types import Override

from leyden.errors import UserError
from leyden.sweeps.compose import Composer
from leyden.sweeps.job import Job, Outcome, outcome


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
        jobs = [composer.job(combination) for combination in combinations]
        self._jobs = list({job.dir: job for job in jobs}.values())  # a value that was given twice is run once
        config = self._jobs[0].experiment.config
        self.objectives = {config["monitor"]: config["mode"]}
        self.total = len(self._jobs)
        self._left: list[Job] = []

    def open(self) -> Sequence[Outcome]:
        outcomes = [outcome(job) for job in self._jobs]
        done = [found for found in outcomes if found.done and not found.job.experiment.changed]
        self._left = [job for job in self._jobs if job not in [found.job for found in done]]
        return done

    def examples(self) -> Sequence[Job]:
        return self._jobs

    def next(self) -> Job | None:
        return self._left.pop(0) if self._left else None

    def tell(self, outcome: Outcome) -> None:
        pass

    def close(self) -> None:
        pass


def _texts(override: Override) -> list[str]:
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: is a range for a search; give values with commas, or add sweep=optuna")
    return list(override.sweep_string_iterator())
