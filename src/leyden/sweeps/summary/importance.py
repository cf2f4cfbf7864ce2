"""Importance of each swept setting for an objective."""

import math
import warnings
from collections.abc import Sequence
from statistics import median

from leyden.sweeps.summary.results import Result, is_number
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.value_text import shown

_LEAST = 4  # results below which nothing can be said
INTERACTIONS, NOISE = "interactions", "repeats"


class NothingToPlotError(Exception):
    """Reason why a plot is not drawn, in a few words."""


def spans_decades(values: Sequence[float]) -> bool:
    """True if values are spread more evenly on a logarithmic scale, over at least one decade."""
    least, most = min(values), max(values)
    if least <= 0 or most < 10 * least:
        return False
    middle = median(values)
    evenly = abs((middle - least) / (most - least) - 0.5)
    return abs(math.log(middle / least) / math.log(most / least) - 0.5) < evenly


def importance(summary: Summary, objective: str) -> dict[str, float]:
    """Shares of 1 of each setting, the largest first.

    Of a grid the variance is decomposed: the part that each setting explains alone, the part that only INTERACTIONS
    explain, and NOISE between repeats. A seed or a fold has no share of its own, its effect is that noise. (PED-ANOVA
    on a grid gives the strongest setting nearly everything, whatever the others explain.)

    A search samples good regions more often, which biases means. Its importance is Optuna's conditional PED-ANOVA: the
    distance between the distribution of the best trials and that of all trials.

    Raises:
        NothingToPlotError: there are too few results or settings.
        ModuleNotFoundError: it is a search, and Optuna is not installed.
    """
    results = [result for result in summary.results if result.counts(summary.objectives)]
    if not summary.swept:
        raise NothingToPlotError("nothing but repeats is swept")
    if len(results) < _LEAST:
        raise NothingToPlotError(f"fewer than {_LEAST} jobs have a result")
    values = [result.values[objective] for result in results]
    if _squares(values) <= 1e-18 * max(map(abs, values)) ** 2:
        raise NothingToPlotError(f"{objective} is the same in all jobs")
    keys = [key for key in summary.swept if len({_level(result, key) for result in results}) > 1]
    if len(keys) < 2:
        raise NothingToPlotError("there is only one setting to compare" if keys else "no setting differs between jobs")
    if summary.record.get("kind") == "search":
        return _ped_anova(results, keys, values, summary.objectives[objective])
    values = list(map(math.log, values)) if spans_decades(values) else values
    return _variance_shares(results, keys, values, has_repeats=bool(summary.repeats))


def is_complete(summary: Summary) -> bool:
    """True if every combination of a grid has all its repeats; then shares add up to 1."""
    groups = [group.settings for group in summary.groups]
    values = [{shown(settings[key]) if key in settings else None for settings in groups} for key in summary.swept]
    are_whole = len({len(group.counted) for group in summary.groups}) == 1 and not summary.incomplete
    return are_whole and len(groups) == math.prod(map(len, values))


def _squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _variance_shares(
    results: Sequence[Result], keys: Sequence[str], values: Sequence[float], has_repeats: bool
) -> dict[str, float]:
    total = _squares(values)

    def explained(by: Sequence[str]) -> float:
        cells: dict[tuple[str | None, ...], list[float]] = {}
        for result, value in zip(results, values, strict=True):
            cells.setdefault(tuple(_level(result, key) for key in by), []).append(value)
        return 1 - math.fsum(map(_squares, cells.values())) / total

    alone, all_together = {key: explained([key]) for key in keys}, explained(keys)
    shares = dict(sorted(alone.items(), key=lambda item: -item[1]))
    shares[INTERACTIONS] = max(0.0, all_together - sum(alone.values()))
    return shares | ({NOISE: max(0.0, 1 - all_together)} if has_repeats else {})


def _level(result: Result, key: str) -> str | None:
    """Value of a setting, for comparison; None where the job does not have it."""
    return shown(result.settings[key]) if key in result.settings else None


def _ped_anova(results: Sequence[Result], keys: Sequence[str], values: Sequence[float], mode: str) -> dict[str, float]:
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
    distributions: dict[str, BaseDistribution] = {}
    for key in keys:
        found = [result.settings[key] for result in results if key in result.settings]
        if all(map(is_number, found)):
            distributions[key] = FloatDistribution(min(found), max(found), log=spans_decades(found))
        else:
            distributions[key] = CategoricalDistribution(sorted(set(map(shown, found))))
    for result, value in zip(results, values, strict=True):
        own = {key: distribution for key, distribution in distributions.items() if key in result.settings}
        params = {
            key: shown(result.settings[key]) if isinstance(kind, CategoricalDistribution) else result.settings[key]
            for key, kind in own.items()
        }
        study.add_trial(optuna.trial.create_trial(params=params, distributions=own, value=value))
    quantile = max(0.1, min(0.5, 5 / len(results)))  # at least five of the best, if there are ten
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    with warnings.catch_warnings(action="ignore"):
        return optuna.importance.get_param_importances(study, evaluator=evaluator)
