"""Schedulers of submitit's jobs: a SLURM cluster, or processes of this machine under the same rules."""

import getpass
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

from leyden.sweeps.executors.slurm_settings import SlurmSettings, python
from leyden.sweeps.job import Job
from leyden.system.errors import UserError

_EVERY = 20.0  # seconds between two calls of squeue
_FACT = re.compile(r"(JobState|ExitCode)=(\S+)")
_WORDS = {
    "TIMEOUT": "time limit reached; more: hydra.launcher.timeout_min=…",
    "OUT_OF_MEMORY": "out of memory; more: hydra.launcher.mem_gb=…",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
    "DEADLINE": "deadline passed",
}


class JobScheduler(Protocol):
    """Interface of both. A job is identified by its number."""

    def submit(self, task: Callable[[], None], name: str) -> str:
        """Submit a task; returns its number."""

    def has(self, number: str) -> bool:
        """True if a job waits or runs; it may have been submitted by another process."""

    def ended(self, numbers: Collection[str]) -> dict[str, str]:
        """Cause of the end of each of these jobs that neither waits nor runs any more."""

    def stop(self, numbers: Collection[str], urgency: int) -> None:
        """Stop jobs with a checkpoint (1), at once (2), or kill them (3)."""


class SlurmScheduler:
    """SLURM cluster."""

    def __init__(self, folder: Path, settings: SlurmSettings, example: Job) -> None:
        import submitit

        command = python(settings.cpus_per_task)
        self._executor = submitit.SlurmExecutor(folder, max_num_timeout=settings.max_num_timeout, python=command)
        self._executor.update_parameters(**settings.parameters(example))
        self._every, self._asked, self._queue = _EVERY, -_EVERY, set[str]()
        self._missing: set[str] = set()

    def submit(self, task: Callable[[], None], name: str) -> str:
        self._executor.update_parameters(job_name=name)
        try:
            number: str = self._executor.submit(task).job_id
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            starts = ("sbatch: error", "sbatch: ")  # the latter for an unknown option
            said = next((line for start in starts for line in lines if line.startswith(start)), lines[-1])
            raise UserError(f"hydra/launcher=slurm: {said.strip()}") from error
        self._queue.add(number)
        return number

    def has(self, number: str) -> bool:
        return number in self._queued(now=True)

    def ended(self, numbers: Collection[str]) -> dict[str, str]:
        before, queue = self._asked, self._queued()
        if before == self._asked:
            return {}
        missing = set(numbers) - queue
        gone, self._missing = missing & self._missing, missing  # twice in a row: it may be about to be requeued
        return {number: _cause(number) for number in gone}

    def stop(self, numbers: Collection[str], urgency: int) -> None:
        if urgency == 1:  # waiting jobs have nothing to save
            run_command("scancel", "--state=PENDING", *numbers)
            run_command("scancel", "--state=RUNNING", "--signal=TERM", *numbers)
        else:
            run_command("scancel", *numbers)
        self._every = min(self._every, 2.0)  # the user waits

    def _queued(self, now: bool = False) -> set[str]:
        """Numbers of this user's jobs that wait or run."""
        if now or time.monotonic() - self._asked >= self._every:
            listed = run_command("squeue", "--noheader", "--array", f"--user={getpass.getuser()}", "--format=%i")
            if listed is not None:
                self._asked, self._queue = time.monotonic(), set(listed.split())
        return self._queue


class LocalScheduler:
    """This machine: submitit starts a controller process for each job, which also restarts it."""

    def __init__(self, folder: Path, settings: SlurmSettings, example: Job, threads: int) -> None:
        import submitit

        self._executor = submitit.LocalExecutor(
            folder, max_num_timeout=settings.max_num_timeout, python=python(threads)
        )
        self._executor.update_parameters(**settings.local_parameters(example))
        self._jobs: dict[str, Any] = {}  # submitit's

    def submit(self, task: Callable[[], None], name: str) -> str:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is passed on by us
        try:
            job = self._executor.submit(task)
        finally:
            signal.signal(signal.SIGINT, before)
        number: str = job.job_id
        self._jobs[number] = job
        return number

    def has(self, number: str) -> bool:
        if number in self._jobs:
            return not self._jobs[number].done()
        with suppress(OSError):
            return b"submitit.local" in Path("/proc", number, "cmdline").read_bytes()
        return False

    def ended(self, numbers: Collection[str]) -> dict[str, str]:
        return {number: "its process ended without a result" for number in numbers if not self.has(number)}

    def stop(self, numbers: Collection[str], urgency: int) -> None:
        for number in numbers:
            if not self.has(number):
                continue
            for pid in [*(_children(number) if urgency > 2 else ()), int(number)]:
                with suppress(OSError):
                    os.kill(pid, Signals.SIGKILL if urgency > 2 else Signals.SIGTERM)  # which it passes on


def job_scheduler(folder: Path, settings: SlurmSettings, example: Job, threads: int) -> JobScheduler:
    """Scheduler of the setting `cluster`.

    Raises:
        UserError: there is no SLURM.
    """
    if settings.cluster == "local":
        return LocalScheduler(folder, settings, example, threads)
    if missing := [command for command in ("sbatch", "srun", "squeue", "scancel") if shutil.which(command) is None]:
        raise UserError(
            f"hydra/launcher=slurm: there is no SLURM on this machine (no {missing[0]}); start the sweep on a login "
            "node, or rehearse it here with hydra.launcher.cluster=local"
        )
    return SlurmScheduler(folder, settings, example)


def _children(number: str) -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in Path("/proc", number, "task", number, "children").read_text().split()]
    return []


def run_command(*command: str) -> str | None:
    """Output of a command of SLURM; None if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def _cause(number: str) -> str:
    """Cause of a job's end: from SLURM's accounting, or without that from its controller, which forgets in minutes."""
    said = run_command("sacct", "-X", "--noheader", "--parsable2", "--format=State,ExitCode", f"--jobs={number}")
    state, _, code = (said or "").partition("\n")[0].partition("|")
    if not state.strip():
        facts = dict(_FACT.findall(run_command("scontrol", "--oneliner", "show", "job", number) or ""))
        state, code = facts.get("JobState", ""), facts.get("ExitCode", "")
    state = state.split()[0] if state.strip() else "gone"
    status, _, received = code.strip().partition(":")
    if state == "FAILED" and received not in ("", "0"):
        return f"killed by {_signal(received)}"
    if state == "FAILED" and status.isdigit() and int(status) > 128:  # from srun: 128 and the signal that killed a task
        return f"killed by {_signal(int(status) - 128)}"
    if state == "FAILED" and status:
        return f"ended with exit status {status}"
    return f"SLURM: {_WORDS.get(state, state.lower())}"


def _signal(number: int | str) -> str:
    with suppress(ValueError):
        return Signals(int(number)).name
    return f"signal {number}"
