"""Executor on SLURM, by submitit (https://github.com/facebookincubator/submitit)."""

import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from signal import Signals
from typing import Any

from omegaconf import OmegaConf

from leyden.records.record import RECORD
from leyden.sweeps.executors.executor import OUTPUT, Ended
from leyden.sweeps.executors.slurm_scheduler import JobScheduler, job_scheduler
from leyden.sweeps.executors.slurm_settings import SlurmSettings
from leyden.sweeps.executors.slurm_task import SlurmTask
from leyden.sweeps.executors.worker import gpus_of, import_optional
from leyden.sweeps.job import Job, read_outcome
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError
from leyden.system.processes import cpus
from leyden.system.suggestions import did_you_mean

log = logging.getLogger(__name__)

_TICK = 0.2
_SUBMITTED = "submitted.json"
_PATIENCE = 10.0  # seconds for remaining jobs to stop by themselves
_RECORDED = ("finished", "pruned", "failed", "interrupted")  # statuses that a run records itself


class SlurmExecutor:
    """Executes jobs as SLURM jobs, one submission for each.

    Their SLURM numbers are stored: a killed sweep that is started again while they wait or run does not submit them
    again. Their output is in `output/<name of the job>.txt`, a link to `<number>_0_log.out`.
    """

    stops_in_handler = False

    def __init__(self, **settings: Any) -> None:
        known = [field.name for field in fields(SlurmSettings)]
        for name in settings.keys() - set(known):
            raise UserError(f"hydra.launcher.{name}: unknown key{did_you_mean(name, known)} (hydra/launcher=slurm)")
        plain: dict[str, Any] = OmegaConf.to_object(OmegaConf.create(settings))  # type: ignore[assignment]
        self.settings = SlurmSettings(**{name: value for name, value in plain.items() if value is not None})
        self.slots = self.settings.n_jobs
        self._running: dict[str, tuple[Job, str | None]] = {}  # by number; with its record before submission
        self._numbers: dict[str, str] = {}  # by name of the job
        self._stops = 0
        self.output: Path | None = None

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        import_optional("submitit", "slurm")
        cores = cpus()
        if self.settings.cluster == "local":
            self.slots = min(self.slots, cores)
        self._folder = (sweep_dir / OUTPUT).resolve()
        self._scheduler: JobScheduler = job_scheduler(self._folder, self.settings, jobs[0], max(1, cores // self.slots))
        if self._cluster == "slurm" and not gpus_of(jobs[0]) and not self.settings.gpus_per_node:
            log.info("SLURM: no GPU is requested; trainer=gpu or hydra.launcher.gpus_per_node=1 requests one")
        self._folder.mkdir(parents=True, exist_ok=True)
        self.output = self._folder
        with suppress(OSError, ValueError):
            kept = json.loads((self._folder / _SUBMITTED).read_text(encoding="utf-8"))
            if kept["cluster"] == self._cluster:
                self._numbers = dict(kept["jobs"])

    @property
    def _cluster(self) -> str:
        return self.settings.cluster or "slurm"

    def is_submitted(self, job: Job) -> bool:
        number = self._numbers.get(job.name)
        return number is not None and self._scheduler.has(number)

    def start(self, job: Job) -> None:
        if self.is_submitted(job):
            number = self._numbers[job.name]
            log.info("%s: is job %s already; waiting for it", job.name, number)
            self._running[number] = job, None
            return
        before = _record(job)
        number = self._scheduler.submit(SlurmTask(job), job.name)
        self._running[number] = job, before
        self._numbers[job.name] = number
        write_text(self._folder / _SUBMITTED, json.dumps({"cluster": self._cluster, "jobs": self._numbers}, indent=2))
        _link(self._folder / f"{job.name}.txt", f"{number}_0_log.out")

    def wait(self, seconds: float) -> list[Ended]:
        until = time.monotonic() + seconds
        while self._running:
            if ended := self._ended():
                return ended
            if (left := until - time.monotonic()) <= 0:
                break
            time.sleep(min(_TICK, left))
        return []

    def _ended(self) -> list[Ended]:
        returned = {number: "" for number in self._running if (self._folder / f"{number}_0_result.pkl").exists()}
        ended = []
        for number, cause in (self._scheduler.ended(self._running.keys() - returned.keys()) | returned).items():
            job, before = self._running.pop(number)
            said = _record(job) != before and read_outcome(job).status in _RECORDED
            ended.append(Ended(job, None if said or not cause else cause))
            for path in (*self._folder.glob(f"{number}_*_result.pkl"), self._folder / f"{number}_submitted.pkl"):
                path.unlink(missing_ok=True)
        return ended

    def stop(self, signal: Signals) -> None:
        self._stops += 1
        self._scheduler.stop(self._running.keys(), self._stops)

    def close(self) -> None:
        for urgency in (1, 3):
            if self._running:
                self._scheduler.stop(self._running.keys(), urgency)
                until = time.monotonic() + _PATIENCE
                while self._running and time.monotonic() < until:
                    self.wait(_TICK)


def _record(job: Job) -> str | None:
    """Text of a job's record, to detect a change."""
    try:
        return (job.dir / RECORD).read_text(encoding="utf-8")
    except OSError:
        return None


def _link(link: Path, target: str) -> None:
    with suppress(OSError):  # no links on this file system
        link.unlink(missing_ok=True)
        link.symlink_to(target)
