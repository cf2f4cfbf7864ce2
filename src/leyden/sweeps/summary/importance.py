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
TOGETHER, NOISE = "together", "repeats"


def spans_decades(values: Sequence[float]) -> bool:
    """Whether numbers are better told apart on a logarithmic scale: they lie more evenly there."""
    least, most = min(values), max(values)
    if least <= 0 or most < 10 * least:
        return False
    middle = median(values)
    evenly = abs((middle - least) / (most - least) - 0.5)
    return abs(math.log(middle / least) / math.log(most / least) - 0.5) < evenly


def importance(summary: Summary, objective: str) -> dict[str, float]:
    """How much each setting matters: shares of 1, the greatest first; empty where nothing can be said.

    A grid has its variance taken apart: what each setting explains alone, by the means over everything else; what
    settings explain only TOGETHER; and the NOISE, which is what is left between repeats of the same. A seed, or a fold,
    has no share of its own: nobody chooses it, and how much it changes is that noise.

    A search looks where it is good, so its jobs tell little about means. There it is PED-ANOVA of Optuna: how much
    where the best jobs are differs from where all are.

    Raises:
        ModuleNotFoundError: Optuna is not installed, and it is a search.
    """
    results = [result for result in summary.results if result.counts(summary.objectives)]
    keys = [key for key in summary.swept if len({shown(result.settings.get(key)) for result in results}) > 1]
    if len(results) < _LEAST or not keys:
        return {}
    values = [result.values[objective] for result in results]
    if summary.record.get("kind") == "search":
        return _ped_anova(results, keys, values, summary.objectives[objective])
    return _variance(summary, results, keys, list(map(math.log, values)) if spans_decades(values) else values)


def is_complete(summary: Summary) -> bool:
    """Whether there is every combination of the values of a grid, and all repeats of each; then shares add up to 1."""
    groups = [group.settings for group in summary.groups]
    values = [{shown(settings[key]) if key in settings else None for settings in groups} for key in summary.swept]
    return len(groups) == math.prod(map(len, values)) and len({len(group.counted) for group in summary.groups}) == 1


def _variance(summary: Summary, results: list[Result], keys: list[str], values: list[float]) -> dict[str, float]:
    mean = math.fsum(values) / len(values)
    total = math.fsum((value - mean) ** 2 for value in values)
    if total <= 1e-18 * max(map(abs, values)) ** 2:
        return {}

    def explained(by: Sequence[str]) -> float:
        cells: dict[tuple[str, ...], list[float]] = {}
        for result, value in zip(results, values, strict=True):
            cells.setdefault(tuple(shown(result.settings.get(key)) for key in by), []).append(value)
        return math.fsum(len(cell) * (math.fsum(cell) / len(cell) - mean) ** 2 for cell in cells.values()) / total

    alone = {key: explained([key]) for key in keys}
    found = dict(sorted(alone.items(), key=lambda item: -item[1]))
    whole = explained(keys)
    if len(keys) > 1:
        found[TOGETHER] = max(0.0, whole - sum(alone.values()))
    if summary.repeats:
        found[NOISE] = max(0.0, 1 - whole)
    return found


def _ped_anova(results: list[Result], keys: list[str], values: list[float], mode: str) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
    distributions = {key: _distribution([r.settings[key] for r in results if key in r.settings]) for key in keys}
    for result, value in zip(results, values, strict=True):
        own = {key: distributions[key] for key in keys if key in result.settings}
        is_choice = optuna.distributions.CategoricalDistribution
        parameters = {
            key: shown(result.settings[key]) if isinstance(kind, is_choice) else result.settings[key]
            for key, kind in own.items()
        }
        study.add_trial(optuna.trial.create_trial(params=parameters, distributions=own, value=value))
    quantile = max(0.1, min(0.5, 5 / len(results)))  # at least five of the best, if there are ten
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(study, evaluator=evaluator, params=sorted(keys))


def _distribution(values: list[Any]) -> Any:
    """What values may have been drawn from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not all(map(is_number, values)):
        return CategoricalDistribution(sorted(set(map(shown, values))))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values), log=spans_decades(values))
    return FloatDistribution(min(values), max(values), log=spans_decades(values))
