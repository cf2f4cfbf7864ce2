"""Job of a sweep: one experiment, with its own directory and its own process."""

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
_HYDRAS = re.compile(r"\+*hydra[./]")  # settings of the launch, which are left out on a resume
DONE = ("finished", "pruned")


@dataclass(frozen=True)
class Job:
    """One experiment of a sweep. It can be pickled for another process or machine.

    Attributes:
        name: of its directory, made of the swept settings.
        settings: the swept ones: key and value.
        experiment: resolved and checked.
        overrides: all of them in Hydra's form, for Hydra's own launchers.
        trial: its number in a search.
    """

    name: str
    settings: dict[str, Any]
    experiment: Experiment
    overrides: list[str] = field(default_factory=list)
    trial: int | None = None

    @property
    def objectives(self) -> Sequence[str]:
        """The metrics by which it is judged: those of a search, or else the one that it monitors."""
        return self.experiment.objectives or (self.experiment.config["monitor"],)

    @property
    def dir(self) -> Path:
        """The run directory."""
        return self.experiment.run_dir


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job so far.

    Attributes:
        status: finished, pruned, failed, interrupted or killed; waiting or running before that.
        record: its run.json; empty if there is none.
        error: the reason of a failure.
    """

    job: Job
    status: str
    record: Record = field(default_factory=dict)
    error: str | None = None

    @property
    def done(self) -> bool:
        """True if it need not run any more."""
        return self.status in DONE

    @property
    def refused(self) -> bool:
        """True if it failed because of a user error, and would fail again."""
        return self.status == "failed" and self.record.get("refused") is True

    def metric(self, name: str) -> float | None:
        """Metric of the best epoch if there is one, else of the last; or a number of the record, such as `seconds`."""
        metrics = self.record.get("metrics", {})
        found = metrics.get(f"best/{name}", metrics.get(name, self.record.get(name)))
        return float(found) if isinstance(found, int | float) else None


def read_outcome(job: Job) -> Outcome:
    """Outcome of a job from its run directory: `waiting` if there is none, `failed` if it cannot be read."""
    if not (job.dir / RECORD).is_file():
        return Outcome(job, "waiting")
    try:
        record = read_record(job.dir)
    except UserError as error:
        return Outcome(job, "failed", error=str(error))
    return Outcome(job, status(job.dir, record), record, record.get("error"))


def run_job(job: Job) -> None:
    """Train and test, in a process that runs only this job.

    The outcome is recorded in the job's directory when this returns or raises, unless another process runs the job.

    Raises:
        SystemExit: it failed, or was interrupted.
    """
    from leyden.training.train import run_experiment  # torch, which the sweep's own process does not import

    try:
        experiment = job.experiment  # the job may have waited: its directory may exist by now
        run_experiment(replace(experiment, resumes=experiment.resumes or job.dir.exists()))
    except InUseError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except Exception as error:
        if isinstance(error, UserError):
            print(f"error: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        record_failure(job, error_line(error), refused=isinstance(error, UserError))
        raise SystemExit(1) from error


def error_line(error: BaseException) -> str:
    """An error in one line: a user error as it is, any other with its type."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        text = f"out of memory: {text}"
    elif not isinstance(error, UserError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 300 else f"{text[:299]}…"


def record_failure(job: Job, cause: str, refused: bool = False) -> None:
    """Record a failure in a job's directory, which is created if the run did not get that far.

    Args:
        refused: it is a user error, with which the job would fail again.
    """
    job.dir.mkdir(parents=True, exist_ok=True)
    if not (job.dir / CONFIG).is_file():
        write_text(job.dir / CONFIG, yaml.safe_dump(job.experiment.config, sort_keys=False))
        write_text(job.dir / OVERRIDES, yaml.safe_dump(job.experiment.overrides))
    record = read_record(job.dir) if (job.dir / RECORD).is_file() else new_record(job.experiment)
    write_record(job.dir, {**record, "status": "failed", "error": cause, "refused": refused})


def resumed_with(run_dir: Path, own: Sequence[str]) -> list[str]:
    """Overrides of a later resume of a job by hand, as in `resume=<job> trainer.max_epochs=30`.

    Args:
        own: the job's overrides in the sweep.

    Returns:
        Overrides; empty if unknown.
    """
    try:
        found = read_yaml(run_dir / OVERRIDES)
    except (UserError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    texts, before = ([str(text) for text in all_ if not _HYDRAS.match(str(text))] for all_ in (found, own))
    return as_typed(texts[len(before) :]) if texts[: len(before)] == before else []
