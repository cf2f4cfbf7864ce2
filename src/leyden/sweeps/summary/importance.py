"""Which setting matters for an objective."""

import math
import warnings
from collections.abc import Sequence
from statistics import median
from typing import Any

from leyden.sweeps.summary.results import Result, is_number
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.texts import shown

_LEAST = 4  # jobs of which something can be said
FEW = 10  # results; fewer are a hint at most
FEW_OF_SEARCH = 50  # in fewer, five stand for the best tenth, and lie close together by chance
_ALONE = "there is only one setting to compare"
TOGETHER, NOISE = "together", "repeats"


class NothingToShowError(Exception):
    """Why there is no picture, in a few words."""


def spans_decades(values: Sequence[float]) -> bool:
    """Whether numbers are better told apart on a logarithmic scale: they lie more evenly there."""
    least, most = min(values), max(values)
    if least <= 0 or most < 10 * least:
        return False
    middle = median(values)
    evenly = abs((middle - least) / (most - least) - 0.5)
    return abs(math.log(middle / least) / math.log(most / least) - 0.5) < evenly


def importance(summary: Summary, objective: str) -> dict[str, float]:
    """How much each setting matters: shares of 1, the greatest first.

    A grid has its variance taken apart: what each setting explains alone, by the means over everything else; what
    settings explain only TOGETHER; and the NOISE, which is what is left between repeats of the same. A seed, or a fold,
    has no share of its own: nobody chooses it, and how much it changes is that noise.

    A search looks where it is good, so its jobs tell little about means. There it is PED-ANOVA of Optuna: how much
    where the best jobs are differs from where all are. A setting that only some jobs have is judged among these, and
    left out where those are FEW or less than half: of a handful the best always lie close together somewhere, so the
    scores of small samples are too high to be compared with those of all jobs.

    Raises:
        NothingToShowError: nothing can be said.
        ModuleNotFoundError: Optuna is not installed, and it is a search.
    """
    results = [result for result in summary.results if result.counts(summary.objectives)]
    if not summary.swept:
        raise NothingToShowError("nothing but repeats is swept")
    if len(results) < _LEAST:
        raise NothingToShowError(f"fewer than {_LEAST} jobs have a result")
    values = [result.values[objective] for result in results]
    mean = math.fsum(values) / len(values)
    if math.fsum((value - mean) ** 2 for value in values) <= 1e-18 * max(map(abs, values)) ** 2:
        raise NothingToShowError(f"{objective} is the same in all jobs")
    if summary.record.get("kind") == "search":
        return _among_best(summary, results, objective)
    keys = [key for key in summary.swept if len({_level(result, key) for result in results}) > 1]
    if not keys:
        raise NothingToShowError("no setting differs among the jobs with a result")
    if len(keys) < 2:
        raise NothingToShowError(_ALONE)
    return _variance(summary, results, keys, list(map(math.log, values)) if spans_decades(values) else values)


def some_have(summary: Summary) -> dict[str, int]:
    """The settings that not every job with a result has, and how many have them."""
    results = [result for result in summary.results if result.counts(summary.objectives)]
    found = {key: sum(key in result.settings for result in results) for key in summary.swept}
    return {key: number for key, number in found.items() if 0 < number < len(results)}


def left_out(summary: Summary) -> dict[str, int]:
    """Those of them that cannot be compared with what all jobs have."""
    total = sum(result.counts(summary.objectives) for result in summary.results)
    return {key: number for key, number in some_have(summary).items() if number < FEW or 2 * number < total}


def is_complete(summary: Summary) -> bool:
    """Whether there is every combination of the values of a grid, and all repeats of each; then shares add up to 1."""
    groups = [group.settings for group in summary.groups]
    values = [{shown(settings[key]) if key in settings else None for settings in groups} for key in summary.swept]
    are_whole = len({len(group.counted) for group in summary.groups}) == 1 and not summary.partial
    return are_whole and len(groups) == math.prod(map(len, values))


def _variance(summary: Summary, results: list[Result], keys: list[str], values: list[float]) -> dict[str, float]:
    mean = math.fsum(values) / len(values)
    total = math.fsum((value - mean) ** 2 for value in values)

    def explained(by: Sequence[str]) -> float:
        cells: dict[tuple[str | None, ...], list[float]] = {}
        for result, value in zip(results, values, strict=True):
            cells.setdefault(tuple(_level(result, key) for key in by), []).append(value)
        return math.fsum(len(cell) * (math.fsum(cell) / len(cell) - mean) ** 2 for cell in cells.values()) / total

    alone = {key: explained([key]) for key in keys}
    found = dict(sorted(alone.items(), key=lambda item: -item[1]))
    whole = explained(keys)
    found[TOGETHER] = max(0.0, whole - sum(alone.values()))
    if summary.repeats:
        found[NOISE] = max(0.0, 1 - whole)
    return found


def _level(result: Result, key: str) -> str | None:
    """A value to be compared; not to have one is a value, too."""
    return shown(result.settings[key]) if key in result.settings else None


def _among_best(summary: Summary, results: list[Result], objective: str) -> dict[str, float]:
    """The scores of all settings as shares; one that only some jobs have is scored among them."""
    mode, gone = summary.objectives[objective], left_out(summary)
    have = {key: [result for result in results if key in result.settings] for key in summary.swept}
    keys = [key for key in have if key not in gone and len({_level(result, key) for result in have[key]}) > 1]
    if not keys:
        raise NothingToShowError("no setting has two values in enough jobs")
    if len(keys) < 2:
        raise NothingToShowError(_ALONE)
    scores = {key: _ped_anova(key, have[key], objective, mode) for key in keys}
    total = math.fsum(scores.values()) or 1.0
    return {key: score / total for key, score in sorted(scores.items(), key=lambda item: -item[1])}


def _ped_anova(key: str, results: list[Result], objective: str, mode: str) -> float:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
    distribution = _distribution([result.settings[key] for result in results])
    is_choice = isinstance(distribution, optuna.distributions.CategoricalDistribution)
    for result in results:
        value = shown(result.settings[key]) if is_choice else result.settings[key]
        trial = optuna.trial.create_trial(
            params={key: value}, distributions={key: distribution}, value=result.values[objective]
        )
        study.add_trial(trial)
    quantile = max(0.1, min(0.5, 5 / len(results)))  # at least five of the best, if there are ten
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(study, evaluator=evaluator, params=[key], normalize=False)[key]


def _distribution(values: list[Any]) -> Any:
    """What values may have been drawn from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not all(map(is_number, values)):
        return CategoricalDistribution(sorted(set(map(shown, values))))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values), log=spans_decades(values))
    return FloatDistribution(min(values), max(values), log=spans_decades(values))
