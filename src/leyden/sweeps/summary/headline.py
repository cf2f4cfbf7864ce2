"""Headline of a summary: kind of sweep, progress, objective."""

from collections import Counter

from leyden.sweeps.summary.summary import FOLDS, Summary

_MODES = {"min": "lowest first", "max": "highest first"}


def headline(summary: Summary) -> str:
    """Kind of sweep, its progress, and the meaning of the table."""
    record = summary.record
    kind, experiment = record.get("kind", "sweep"), record.get("experiment")
    what = f"{kind} of {experiment}: " * bool(experiment)
    if "experiment" in (*summary.swept, *summary.repeats):
        what = f"{kind} over experiment: "
    lines = [what + _progress(summary)]
    if record.get("status") in ("running", "killed", "interrupted"):
        is_running = record["status"] == "running"
        lines.append("still running" if is_running else f"{record['status']}: repeat the command to resume")
    by = [f"{name} ({_MODES[mode]})" for name, mode in summary.objectives.items()]
    if summary.parts:
        lines.append("ranked in groups of the same metric and data")
    elif len(by) > 1:
        lines.append(f"Pareto fronts of {' and '.join(by)}; front 1 is the best")
    else:
        lines.append(f"by {by[0]}" if by else "not ranked: no objective is recorded")
    return "; ".join([*lines, *_repeated(summary)])


def not_preferred(summary: Summary) -> str:
    """Reason why no group is recommended, if they differ in repeats only."""
    keys = " and ".join(summary.ranked_repeats)
    return f"none is recommended: they differ in {keys}, which only repeats a job; without --repeats means are ranked"


def best_again(summary: Summary) -> str:
    """Label of the command of the best group; of several in front 1, with the criterion."""
    if len(summary.groups) == 1 and summary.title:
        return "run it again"
    if len(summary.best) < 2:
        return "run the best again"
    return f"run the best of front 1 by {next(iter(summary.objectives))} again"


def of_all(number: int, total: int) -> str:
    """Part of a total: `3`, `2 of 3`."""
    return f"{number:,}" if number == total else f"{number:,} of {total:,}"


def _progress(summary: Summary) -> str:
    """Number of jobs by status: `2 jobs finished, 1 of them without a finite val/loss`."""
    number = Counter(result.status for result in summary.results)
    finished, total = number.pop("finished", 0), len(summary.results)
    parts = [f"{of_all(finished, total)} job{'s' * (total != 1)} finished"]
    broken = [
        [result for result in part.rest if result.status == "finished" and not result.counts(part.objectives)]
        for part in summary.rankings
    ]
    if number_broken := sum(map(len, broken)):
        named = zip(summary.rankings, broken, strict=True)
        names = dict.fromkeys(name for part, results in named if results for name in part.objectives)
        parts.append(f"{number_broken:,} of them without a finite {' and '.join(names)}")
    return ", ".join([*parts, *(f"{many} {status}" for status, many in number.most_common())])


def _repeated(summary: Summary) -> list[str]:
    """Keys over which means and deviations are taken."""
    if not summary.repeats:
        return []
    outer = ", ".join(key for key in summary.repeats if key not in summary.folds)
    if not summary.folds:
        parts = [f"mean ± standard deviation over {outer}"]
        if FOLDS[0] in summary.repeats:
            parts.append("the mean is the result of the cross-validation")
        return [*parts, "one without all folds is not ranked"] if summary.incomplete else parts
    parts = [f"mean ± standard deviation over {outer}, of the means over {', '.join(summary.folds)}"]
    if summary.incomplete:
        parts.append(f"a {outer} without all folds is not ranked")
    return parts
