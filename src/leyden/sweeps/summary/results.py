"""Results of a sweep's jobs, from sweep.json and their own directories."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from leyden.records.record import CONFIG, RECORD, of_type, parse_time, read_record, read_yaml, status
from leyden.sweeps.job import resumed_with
from leyden.system.errors import UserError
from leyden.system.formatting import count, number
from leyden.system.locks import is_gone

ENDINGS = ("failed", "killed", "interrupted", "running", "waiting", "pruned")  # statuses of jobs that are not finished
_DYING = 2.0  # seconds for a killed process to end


@dataclass(frozen=True)
class Result:
    """Result of one job.

    Attributes:
        name: of the job and its directory.
        settings: the swept ones.
        overrides: of the job alone; empty if not recorded.
        status: finished, or one of ENDINGS.
        error: reason of a failure, or why the record is unreadable.
        values: of the objectives, including NaN, without missing ones.
        metrics: all that were logged.
        monitor: the metric that the job monitored; None if not recorded.
        later: overrides of a resume by hand.
        epochs, seconds, trial, started: None if not recorded.
    """

    name: str
    dir: Path
    settings: dict[str, Any]
    overrides: list[str]
    status: str
    error: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    monitor: str | None = None
    later: list[str] = field(default_factory=list)
    epochs: int | None = None
    seconds: float | None = None
    trial: int | None = None
    started: datetime | None = None

    def counts(self, objectives: Mapping[str, str]) -> bool:
        """True if it can be ranked: it is finished, and every objective is finite."""
        return self.status == "finished" and all(math.isfinite(self.values.get(name, math.nan)) for name in objectives)

    def cause(self, objectives: Mapping[str, str]) -> str:
        """Reason why it is not ranked, in a line; empty if unknown."""
        if self.error:
            return self.error
        if self.status == "finished":
            found = [
                f"{name} is {self.values[name]}" if name in self.values else f"has no {name}"
                for name in objectives
                if not math.isfinite(self.values.get(name, math.nan))
            ]
            return ", ".join(found) + self._own(objectives) * bool(found)
        found = [f"{name} {value:.4g}" for name, value in self.values.items()]
        after = [f"after {count(self.epochs, 'epoch')}"] if self.epochs else []
        return ", ".join([*after, *found])

    def _own(self, objectives: Mapping[str, str]) -> str:
        """Best value of the metric that it monitored, if that is not an objective."""
        best = self.metrics.get(f"best/{self.monitor}")
        return "" if best is None or self.monitor in objectives else f"; its best {self.monitor} is {number(best)}"


def read_results(
    sweep_dir: Path, jobs: Sequence[Mapping[str, Any]], objectives: Mapping[str, str], live: bool
) -> list[Result]:
    """Results of all jobs; processes of a sweep that has just been killed get a moment to end."""
    results = [read_result(sweep_dir, job, objectives, live) for job in jobs]
    until = monotonic() + _DYING
    while not live and any(result.status == "running" for result in results) and monotonic() < until:
        sleep(0.1)
        results = [
            read_result(sweep_dir, job, objectives, live) if result.status == "running" else result
            for job, result in zip(jobs, results, strict=True)
        ]
    return results


def read_result(sweep_dir: Path, job: Mapping[str, Any], objectives: Mapping[str, str], live: bool) -> Result:
    """Result of a job, from its own directory or else from sweep.json.

    Args:
        job: its entry in sweep.json, with a name; any other key may be missing, or have another type.
        live: the sweep is being executed: a job without a directory may be about to start, and one whose process is
            gone is still being handled.
    """
    run_dir, said, why = sweep_dir / job["name"], str(job.get("status", "waiting")), of_type(str, job.get("error"))
    record: dict[str, Any] = {}
    if (run_dir / RECORD).is_file():
        try:
            record = read_record(run_dir)
        except UserError as error:
            why = why or str(error)
    if record:
        said, why = status(run_dir, record), of_type(str, record.get("error")) or why
    # A child process may still lock the directory; on Windows this cannot be determined.
    if said == "running" and not live and (not record or (os.name != "nt" and is_gone(record))):
        said = "killed"
    metrics = {name: float(value) for name, value in record.get("metrics", {}).items() if is_number(value)}
    numbers = {name: float(value) for name, value in record.items() if is_number(value)}
    found = {name: metrics.get(f"best/{name}", metrics.get(name, numbers.get(name))) for name in objectives}
    if not record:
        found = {name: value for name, value in (of_type(dict, job.get("values")) or {}).items() if is_number(value)}
    values = {name: float(value) for name in objectives if (value := found.get(name)) is not None}
    overrides = [text for text in of_type(list, job.get("overrides")) or [] if isinstance(text, str)]
    return Result(
        name=job["name"],
        dir=run_dir,
        settings=of_type(dict, job.get("settings")) or {},
        overrides=overrides,
        status=said if said in (*ENDINGS, "finished") else "failed",
        error=" ".join(why.split()) if why and said != "finished" else None,
        values=values,
        metrics=metrics,
        monitor=of_type(str, record.get("monitor")),
        later=resumed_with(run_dir, overrides) if overrides and record.get("resumed") else [],
        epochs=of_type(int, record.get("epochs", job.get("epochs"))),
        seconds=of_type((int, float), record.get("seconds", job.get("seconds"))),
        trial=of_type(int, job.get("trial")),
        started=parse_time(record.get("started")),
    )


def monitored(sweep_dir: Path, jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Objective from the configs of the jobs, for a sweep.json without one."""
    for job in jobs:
        try:
            config = read_yaml(sweep_dir / job["name"] / CONFIG)
        except UserError:
            continue
        if isinstance(config, dict) and isinstance(config.get("monitor"), str) and config.get("mode") in ("min", "max"):
            return {config["monitor"]: config["mode"]}
    return {}


def is_number(value: Any) -> bool:
    return of_type((int, float), value) is not None
