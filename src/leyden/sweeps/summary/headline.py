"""What a sweep is and how far it came, in a line."""

from collections import Counter

from leyden.sweeps.summary.summary import FOLDS, Summary

_MODES = {"min": "least first", "max": "most first"}


def headline(summary: Summary) -> str:
    """What the sweep is, how far it came, and what its table shows."""
    record = summary.record
    kind, experiment = record.get("kind", "sweep"), record.get("experiment")
    what = f"{kind} of {experiment}: " * bool(experiment)
    if "experiment" in (*summary.swept, *summary.repeats):
        what = f"{kind} over experiment: "
    lines = [what + _progress(summary)]
    if record.get("status") in ("running", "killed", "interrupted"):
        goes_on = "it goes on" if record["status"] == "running" else "the same command goes on"
        lines.append(f"{'not yet over' if record['status'] == 'running' else record['status']}: {goes_on}")
    by = [f"{name} ({_MODES[mode]})" for name, mode in summary.objectives.items()]
    if len(by) > 1:
        lines.append(f"Pareto fronts of {' and '.join(by)}; those of front 1 are the best")
    else:
        lines.append(f"by {by[0]}" if by else "not ranked: it is not recorded what counts")
    return "; ".join([*lines, *_repeated(summary)])


def not_preferred(summary: Summary) -> str:
    """Why no group is recommended, where luck tells them apart."""
    keys = " and ".join(summary.lucky)
    return f"none is the best: they differ in {keys}, which only repeats a job; without --repeats means are ranked"


def best_again(summary: Summary) -> str:
    """What a command is of; of several groups in front 1, why of this one."""
    if len(summary.best) < 2:
        return "the best again"
    return f"the best of front 1 by {next(iter(summary.objectives))} again"


def of_all(number: int, total: int) -> str:
    """A part of all: `3`, `2 of 3`."""
    return f"{number:,}" if number == total else f"{number:,} of {total:,}"


def _progress(summary: Summary) -> str:
    """How many jobs ended how; `2 jobs finished, 1 of them without a finite val/loss`."""
    number = Counter(result.status for result in summary.results)
    finished, total = number.pop("finished", 0), len(summary.results)
    told = [f"{of_all(finished, total)} job{'s' * (total != 1)} finished"]
    if broken := sum(result.status == "finished" and not result.counts(summary.objectives) for result in summary.rest):
        told.append(f"{broken:,} of them without a finite {' and '.join(summary.objectives)}")
    return ", ".join([*told, *(f"{many} {status}" for status, many in number.most_common())])


def _repeated(summary: Summary) -> list[str]:
    """What a mean is over, and its deviation."""
    if not summary.repeats:
        return []
    outer = ", ".join(key for key in summary.repeats if key not in summary.folds)
    if not summary.folds:
        told = [f"mean ± standard deviation over {outer}"]
        if FOLDS[0] in summary.repeats:
            told.append("the mean is the result of the cross-validation")
        return [*told, "one without all folds does not count"] if summary.partial else told
    told = [f"mean ± standard deviation over {outer}, of the means over {', '.join(summary.folds)}"]
    if summary.partial:
        told.append(f"a {outer} without all folds does not count")
    return told
