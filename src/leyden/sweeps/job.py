"""One job of a sweep: an experiment with a directory of its own, performed in a process of its own."""

import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from leyden.config.experiment import Experiment
from leyden.config.overrides import as_typed
from leyden.records.record import (
    CONFIG,
    OVERRIDES,
    RECORD,
    InUseError,
    Record,
    read_record,
    read_yaml,
    status,
    write_record,
)
from leyden.run.new_record import new_record
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError

_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
)  # of CUDA, of torch on Windows and Linux
_HYDRAS = re.compile(r"\+*hydra[./]")  # of how it was run, which is left out where it is gone on with
DONE = ("finished", "pruned")  # nothing is left to do


@dataclass(frozen=True)
class Job:
    """What is executed, as plain values: it can be sent to another process, or another machine.

    Attributes:
        name: of its directory: what it runs.
        settings: the swept ones: key and value.
        experiment: resolved and checked.
        overrides: the swept ones as Hydra takes them, for launchers of Hydra's own.
        trial: its number in a search.
    """

    name: str
    settings: dict[str, Any]
    experiment: Experiment
    overrides: list[str] = field(default_factory=list)
    trial: int | None = None

    @property
    def dir(self) -> Path:
        """Its run directory."""
        return self.experiment.run_dir


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        job: which.
        status: finished, pruned, failed, interrupted or killed; running or waiting before that.
        record: its run.json; empty where there is none.
        error: why it failed.
    """

    job: Job
    status: str
    record: Record = field(default_factory=dict)
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in DONE

    @property
    def refused(self) -> bool:
        """Whether it failed for what was asked for, and not for bad luck or a bug."""
        return self.status == "failed" and self.record.get("refused") is True

    def metric(self, name: str) -> float | None:
        """A metric of the best epoch if there is one of it, else of the last; or a number of the record: `seconds`."""
        metrics = self.record.get("metrics", {})
        found = metrics.get(f"best/{name}", metrics.get(name, self.record.get(name)))
        return float(found) if isinstance(found, int | float) else None


def outcome(job: Job) -> Outcome:
    """What a job's directory says of it: `waiting` where there is none, `failed` where it cannot be read."""
    if not (job.dir / RECORD).is_file():
        return Outcome(job, "waiting")
    try:
        record = read_record(job.dir)
    except UserError as error:
        return Outcome(job, "failed", error=str(error))
    return Outcome(job, status(job.dir, record), record, record.get("error"))


def _as_it_is_now(job: Job) -> Job:
    """A job that may have waited, or was begun before: it goes on where its directory has come to be."""
    return replace(job, experiment=replace(job.experiment, resumes=job.experiment.resumes or job.dir.exists()))


def perform(job: Job) -> None:
    """Train and test, in a process that is there for this job only.

    Whatever comes of it stands in the job's directory when this returns or raises, unless another process is at work
    on it: then that one has the word.

    Raises:
        SystemExit: it failed, or was interrupted.
    """
    from leyden.training.train import run_experiment  # torch, which the sweep itself does without

    try:
        run_experiment(_as_it_is_now(job).experiment)
    except InUseError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except Exception as error:
        if isinstance(error, UserError):
            print(f"error: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        note_failure(job, describe(error), refused=isinstance(error, UserError))
        raise SystemExit(1) from error


def describe(error: BaseException) -> str:
    """An error in a line: what is the user's to mend in its own words, anything else with its type."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        text = f"out of memory: {text}"
    elif not isinstance(error, UserError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 300 else f"{text[:299]}…"


def note_failure(job: Job, cause: str, refused: bool = False) -> None:
    """Keep in a job's directory why it failed, also where its run never opened one.

    Args:
        job: which.
        cause: in a line.
        refused: it was not for bad luck, or a bug: what was asked for cannot be done.
    """
    job.dir.mkdir(parents=True, exist_ok=True)
    if not (job.dir / CONFIG).is_file():
        write_text(job.dir / CONFIG, yaml.safe_dump(job.experiment.config, sort_keys=False))
        write_text(job.dir / OVERRIDES, yaml.safe_dump(job.experiment.overrides))
    record = read_record(job.dir) if (job.dir / RECORD).is_file() else new_record(job.experiment)
    write_record(job.dir, {**record, "status": "failed", "error": cause, "refused": refused})


def gone_on_with(run_dir: Path, own: Sequence[str]) -> list[str]:
    """What was typed for a job's run after the sweep had made it, as in `resume=<job> trainer.max_epochs=30`.

    Args:
        run_dir: of the job.
        own: the overrides that the sweep gave it.

    Returns:
        Overrides; none where that cannot be told.
    """
    try:
        found = read_yaml(run_dir / OVERRIDES)
    except (UserError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    texts, before = ([str(text) for text in all_ if not _HYDRAS.match(str(text))] for all_ in (found, own))
    return as_typed(texts[len(before) :]) if texts[: len(before)] == before else []
