"""Result of a trial: from a job's outcome for the study, and from the study for a job that ran elsewhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leyden.config.experiment import Experiment
from leyden.config.overrides import as_typed
from leyden.sweeps.job import Job, Outcome, read_outcome
from leyden.sweeps.job_composer import JobComposer
from leyden.sweeps.naming import job_name
from leyden.sweeps.param_values import plain
from leyden.system.suggestions import did_you_mean

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class TrialResult:
    """Result that is reported to a study.

    Attributes:
        state: complete, pruned or fail; None if the trial will be resumed.
        values: of the objectives, if complete.
        last: value and step at which it was pruned.
        error: reason of a failure.
        missing: error message for an objective that is not logged.
    """

    state: str | None
    values: list[float] | None = None
    last: tuple[float, int] | None = None
    error: str | None = None
    missing: str | None = None


def trial_result(found: Outcome, objectives: Sequence[str]) -> TrialResult:
    """Result of a job's trial."""
    if found.status == "failed":
        error = found.error or ""
        return TrialResult("fail", error=error, missing=error if error.startswith("sweep.objectives.") else None)
    if found.status == "pruned":
        value = found.record.get("metrics", {}).get(objectives[0])
        return TrialResult("pruned", last=None if value is None else (value, max(0, found.record.get("epochs", 1) - 1)))
    if not found.done:
        return TrialResult(None)
    values = {name: found.metric(name) for name in objectives}
    for name, value in values.items():
        if value is None:
            measured = [*found.record.get("metrics", {}), "seconds", "epochs", "steps"]
            missing = f"sweep.objectives.{name}: is not logged" + did_you_mean(name, measured)
            return TrialResult("fail", error=missing, missing=missing)
    numbers = [value for value in values.values() if value is not None]
    if any(math.isnan(number) for number in numbers):
        return TrialResult("pruned")  # which samplers treat as bad, not as missing
    return TrialResult("complete", numbers)


def finished_outcome(
    trial: "FrozenTrial",
    texts: Mapping[str, str],
    composer: JobComposer,
    example: Experiment,
    objectives: Sequence[str],
) -> Outcome:
    """Outcome of a trial that is done: from its directory, or from the study if it ran elsewhere."""
    settings = {name: plain(text) for name, text in texts.items()}
    name = job_name(settings)
    config = {**example.config, "paths": {**example.config["paths"], "run_dir": str(composer.sweep_dir / name)}}
    numbered = example.trial and replace(example.trial, number=trial.number)
    overrides = [*as_typed(composer.constants), *(f"{key}={text}" for key, text in texts.items())]
    found = read_outcome(
        Job(name, settings, replace(example, config=config, overrides=overrides, trial=numbered), trial=trial.number)
    )
    if found.done:
        return found
    status = "finished" if trial.state.name == "COMPLETE" else "pruned"
    metrics = dict(zip(objectives, trial.values or [], strict=False))
    return Outcome(found.job, status, {"status": status, "metrics": metrics})
