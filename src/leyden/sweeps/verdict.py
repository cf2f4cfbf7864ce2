"""What a study is told of a job, and what it tells of one that was run elsewhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leyden.config.experiment import Experiment
from leyden.config.overrides import as_typed
from leyden.sweeps.compose import Composer
from leyden.sweeps.job import Job, Outcome, outcome
from leyden.sweeps.names import job_name
from leyden.sweeps.space import plain
from leyden.system.suggestions import did_you_mean

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Verdict:
    """What a study is told of a trial.

    Attributes:
        state: complete, pruned or fail; None as long as it is to be gone on with.
        values: of the objectives, if it is complete.
        last: value and step at which it was given up, if it was.
        error: why it failed.
        missing: what is wrong with an objective that is not measured.
    """

    state: str | None
    values: list[float] | None = None
    last: tuple[float, int] | None = None
    error: str | None = None
    missing: str | None = None


def verdict(found: Outcome, objectives: Sequence[str]) -> Verdict:
    """What a study is told of a job."""
    if found.status == "failed":
        error = found.error or ""
        return Verdict("fail", error=error, missing=error if error.startswith("sweep.objectives.") else None)
    if found.status == "pruned":
        value = found.record.get("metrics", {}).get(objectives[0])
        return Verdict("pruned", last=None if value is None else (value, max(0, found.record.get("epochs", 1) - 1)))
    if not found.done:
        return Verdict(None)
    values = {name: found.metric(name) for name in objectives}
    for name, value in values.items():
        if value is None:
            measured = [*found.record.get("metrics", {}), "seconds", "epochs", "steps"]
            missing = f"sweep.objectives.{name}: is not measured" + did_you_mean(name, measured)
            return Verdict("fail", error=missing, missing=missing)
    numbers = [value for value in values.values() if value is not None]
    if any(math.isnan(number) for number in numbers):
        return Verdict("pruned")  # which samplers take for bad, and not for missing
    return Verdict("complete", numbers)


def past(
    trial: "FrozenTrial", texts: Mapping[str, str], composer: Composer, example: Experiment, objectives: Sequence[str]
) -> Outcome:
    """What came of a trial that is done: from its directory; or from the study, if it was run elsewhere."""
    settings = {name: plain(text) for name, text in texts.items()}
    name = job_name(settings)
    config = {**example.config, "paths": {**example.config["paths"], "run_dir": str(composer.sweep_dir / name)}}
    trial_of_it = example.trial and replace(example.trial, number=trial.number)
    overrides = [*as_typed(composer.constants), *(f"{key}={text}" for key, text in texts.items())]
    found = outcome(
        Job(name, settings, replace(example, config=config, overrides=overrides, trial=trial_of_it), trial=trial.number)
    )
    if found.done:
        return found
    status = "finished" if trial.state.name == "COMPLETE" else "pruned"
    metrics = dict(zip(objectives, trial.values or [], strict=False))
    return Outcome(found.job, status, {"status": status, "metrics": metrics})
