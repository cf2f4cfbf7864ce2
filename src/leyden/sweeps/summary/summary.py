"""Summary: a sweep, read and ranked."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from leyden.config.overrides import as_typed
from leyden.records.record import CHECKPOINTS, of_type
from leyden.sweeps.measure import titles
from leyden.sweeps.summary.measured import by_measure
from leyden.sweeps.summary.ranking import Group, grouped, ranked
from leyden.sweeps.summary.reading import read_sweep
from leyden.sweeps.summary.results import ENDINGS, Result, monitored, read_results
from leyden.sweeps.summary.value_text import typed
from leyden.system.errors import UserError
from leyden.system.formatting import most_telling
from leyden.system.suggestions import did_you_mean

REPEATS = ("seed", "data.fold", "data.split_seed")  # keys that only repeat an experiment
FOLDS = ("data.fold",)  # those that form one cross-validation

_HOW = re.compile(r"(hydra|sweep)([./@]|$)")  # settings without a meaning for a single run


@dataclass(frozen=True)
class Summary:
    """Summary of a sweep so far.

    Attributes:
        record: its sweep.json. Any key except `jobs` may be missing.
        objectives: `min` or `max` for each metric; the first one ranks.
        swept: the keys whose values differ, without repeats.
        repeats: the keys that repeat a job.
        warnings: about unreadable or contradictory records.
        title: of a part: its metric and its data.
        parts: where jobs have different measures, a summary of those of each, as only they can be ranked; else empty.
    """

    dir: Path
    record: dict[str, Any]
    objectives: dict[str, str]
    swept: list[str]
    repeats: list[str]
    results: list[Result]
    warnings: list[str] = field(default_factory=list)
    title: str = ""
    parts: list["Summary"] = field(default_factory=list)

    @property
    def rankings(self) -> list["Summary"]:
        """The parts; this one, if all jobs can be ranked together."""
        return self.parts or [self]

    @cached_property
    def groups(self) -> list[Group]:
        """Ranked groups, the best first; of several parts one after the other."""
        if self.parts:
            return [group for part in self.parts for group in part.groups]
        return ranked(self._all_groups, self.objectives)

    @cached_property
    def rest(self) -> list[Result]:
        """Jobs that are not ranked: failed, not ended, pruned, or in a cross-validation with missing folds."""
        rest = [
            result
            for part in self.rankings
            for result in part.results
            if not result.counts(part.objectives) or result.name in part.incomplete
        ]
        order = {"finished": -1, **{status: number for number, status in enumerate(ENDINGS)}}
        return sorted(rest, key=lambda result: (result.name in self.incomplete, order[result.status]))

    @cached_property
    def varied(self) -> set[str]:
        """Keys that have more than one value; being absent counts as one."""
        keys = [*self.swept, *self.repeats]
        return {key for key in keys if len({typed(result.settings.get(key, ...)) for result in self.results}) > 1}

    @cached_property
    def folds(self) -> list[str]:
        """Folds over which the mean is taken first, if other keys repeat the whole cross-validation."""
        return self._folds if any(key in self.varied for key in self.repeats if key not in FOLDS) else []

    @property
    def _folds(self) -> list[str]:
        return [key for key in self.repeats if key in FOLDS and key in self.varied]

    @cached_property
    def incomplete(self) -> dict[str, str]:
        """Jobs with a result whose cross-validation lacks a fold, by name, with the reason."""
        found: dict[str, str] = {}
        for part in self.parts:
            found |= part.incomplete
        for group in [] if self.parts else self._all_groups:
            for cell in group.cells:
                counted = [result for result in cell if result.counts(self.objectives)]
                if counted and cell not in group.whole:
                    found |= dict.fromkeys([result.name for result in counted], self._missing(group, cell))
        return found

    def _missing(self, group: Group, cell: list[Result]) -> str:
        """Number of folds that a cross-validation has."""
        jobs, planned, which = group.results, len(group.results), "its cross-validation"
        if group.is_nested:
            keys = [key for key in self.repeats if key not in FOLDS and key in cell[0].settings]
            jobs, planned, which = cell, group.folds, " ".join(f"{key}={typed(cell[0].settings[key])}" for key in keys)
        return f"{which} has {sum(result.counts(self.objectives) for result in jobs)} of {planned} folds"

    def cause(self, result: Result) -> str:
        """Reason why a job is not ranked, in a line; empty if unknown."""
        objectives = next((part.objectives for part in self.parts if result in part.results), self.objectives)
        return self.incomplete.get(result.name) or result.cause(objectives)

    @cached_property
    def ranked_repeats(self) -> list[str]:
        """Keys of repeats that are ranked because of --repeats; the best value of these is chance."""
        return [key for key in self.swept if key in REPEATS and key in self.varied]

    @property
    def best(self) -> list[Group]:
        """Best group; for several objectives all of the first Pareto front."""
        if self.parts:
            return [group for part in self.parts for group in part.best]
        if len(self.objectives) > 1:
            return [group for group in self.groups if group.place == 1]
        return self.groups[:1] if self.objectives else []

    @cached_property
    def tests(self) -> list[str]:
        """Metrics of the test to show: at most four, the most informative first."""
        have = {name for result in self.results for name in result.metrics}
        return most_telling(have - self.objectives.keys())[:4]

    def best_run(self, group: Group) -> Result:
        """Best repeat by the first objective."""
        name, mode = next(iter(self.objectives.items()))
        return (max if mode == "max" else min)(group.counted, key=lambda result: result.values[name])

    def train_command(self, group: Group) -> str:
        """Command that runs a group again, with all its repeats."""
        result = self.best_run(group)
        constants = [text for text in of_type(list, self.record.get("constants")) or [] if isinstance(text, str)]
        own = result.overrides or [f"{key}={typed(value)}" for key, value in result.settings.items()]
        settings = _by_key([*constants, *own])
        experiment = of_type(str, self.record.get("experiment"))
        if experiment and "experiment" not in settings:
            settings = {"experiment": f"experiment={experiment}", **settings}
        is_one = len(group.results) == 1
        left = [text for key, text in settings.items() if (is_one or key not in self.repeats) and not _HOW.match(key)]
        left.sort(key=lambda text: not text.startswith("experiment="))  # stable
        repeats = [] if is_one else self._joined(group)
        return shlex.join(["python", "train.py", *(["-m"] if repeats else []), *left, *repeats])

    def eval_command(self, group: Group) -> str | None:
        """Command that tests the best run of a group again.

        None for a cross-validation of several folds, whose best fold is only the easiest, and for a run without a
        checkpoint, such as debug=fast_dev_run.
        """
        if len({typed([result.settings.get(key) for key in FOLDS]) for result in group.results}) > 1:
            return None
        run_dir = self.best_run(group).dir
        return shlex.join(["python", "eval.py", f"run={run_dir}"]) if _has_weights(run_dir) else None

    @cached_property
    def _all_groups(self) -> list[Group]:
        return grouped(self.results, self.repeats, self.objectives, self._folds, nested=bool(self.folds))

    def _joined(self, group: Group) -> list[str]:
        """Repeats of a group as overrides for -m: `data.fold=0,1,2`."""
        typed_for = [(result, _by_key(result.overrides)) for result in group.results]
        found = []
        for key in self.repeats:
            have = [(job.settings[key], texts.get(key)) for job, texts in typed_for if key in job.settings]
            values = dict.fromkeys(text.partition("=")[2] if text else typed(value) for value, text in have)
            found += [f"{key}={','.join(values)}"] if values else []
        return found


def _has_weights(run_dir: Path) -> bool:
    return any((run_dir / CHECKPOINTS).glob("*.ckpt"))


def _by_key(overrides: Sequence[str]) -> dict[str, str]:
    """Overrides as they are typed, by key; the last one counts."""
    return {text.partition("=")[0]: text for text in as_typed(overrides)}


def summarize(sweep_dir: str | Path, repeats: Sequence[str] | None = None) -> Summary:
    """Summary of a sweep so far.

    Args:
        repeats: the keys that repeat a job; default: those of REPEATS.

    Raises:
        UserError: it is not a sweep, cannot be read, or does not sweep one of `repeats`.
    """
    directory = Path(sweep_dir)
    record = read_sweep(directory)
    named = [job for job in record["jobs"] if isinstance(job, dict) and isinstance(job.get("name"), str)]
    warnings = []
    if len(named) < len(record["jobs"]):
        warnings.append(f"{directory}: {len(record['jobs']) - len(named)} jobs without a name are left out")
    said = (of_type(dict, record.get("objectives")) or {}).items()
    objectives = {name: mode for name, mode in said if mode in ("min", "max")} or monitored(directory, named)
    live = record.get("status") == "running"
    measured = by_measure(directory, record, named)
    modes = [{str(one["monitor"]): str(one["mode"])} for one, _ in measured] if len(measured) > 1 else [objectives]
    found = [
        read_results(directory, jobs, by, live) for (_, jobs), by in zip(measured or [({}, named)], modes, strict=True)
    ]
    results = [result for part in found for result in part]
    later = {result.dir: " ".join(result.later) for result in results if result.later}
    warnings += [f"{run_dir}: was resumed by hand: {texts}" for run_dir, texts in later.items()]
    keys = [key for key in of_type(list, record.get("swept")) or [] if isinstance(key, str)]
    keys = list(dict.fromkeys([*keys, *(key for result in results for key in result.settings)]))
    for key in repeats or ():
        if key not in keys:
            raise UserError(f"--repeats {key}: is not swept{did_you_mean(key, keys, lambda name: f'--repeats {name}')}")
    chosen = [key for key in keys if key in (REPEATS if repeats is None else repeats)]
    whole = Summary(directory, record, modes[0], [key for key in keys if key not in chosen], chosen, results, warnings)
    if len(measured) < 2:
        return whole
    headings = titles([one for one, _ in measured])
    parts = [
        replace(whole, objectives=by, results=of_part, warnings=[], title=title)
        for by, of_part, title in zip(modes, found, headings, strict=True)
    ]
    return replace(whole, parts=parts)
