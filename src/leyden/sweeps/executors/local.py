"""Executor on this machine: each job in its own process, so that a crash does not affect the others.

Processes are forked from a server that has imported torch and done nothing else: a job starts at once, and memory does
not grow from job to job. Without fork (Windows) each process does its own imports.
"""

import logging
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from leyden.sweeps.executors.executor import OUTPUT, Ended
from leyden.sweeps.executors.fork_server import START, ForkServer
from leyden.sweeps.executors.job_process import run_job_process
from leyden.sweeps.executors.worker import cause, check_numbers, devices
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.processes import cpus

if TYPE_CHECKING:
    from leyden.sweeps.executors.fork_server import Context

log = logging.getLogger(__name__)

_KILLED = 9  # SIGKILL, which Windows does not define
_OUT_OF_MEMORY = Path("/sys/fs/cgroup/memory.events")


class LocalExecutor:
    """Executes jobs in processes of this machine.

    Args:
        n_jobs: jobs at a time; None for one per GPU, or per core without GPUs.
    """

    stops_in_handler = True

    def __init__(self, n_jobs: int | None = 1) -> None:
        check_numbers("local", {"n_jobs": n_jobs})
        self.slots = n_jobs or 1
        self._n_jobs = n_jobs
        self._context: Context = multiprocessing.get_context(START)  # type: ignore[assignment]
        self._server = ForkServer(self._context)
        self._not_started: list[Job] = []  # stopped before they were started
        self._running: dict[int, tuple[BaseProcess, Job]] = {}  # by slot
        self.output: Path | None = None
        self._devices: list[list[str]] = []
        self._threads: int | None = None
        self._stops = 0
        self._stop_signal: Signals | None = None
        self._oom_kills = 0

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        try:
            self._server.begin()
            log.info("starting; torch is imported once for all jobs")
            self._open(sweep_dir, jobs)
        except BaseException:  # such as a signal
            self.close()
            raise

    def _open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        trainer, wanted = jobs[0].experiment.config["trainer"], devices(jobs[0])
        gpus = [] if trainer.get("accelerator") in ("cpu", "mps") else self._gpus()
        cores = cpus()
        each = wanted or len(gpus) or 1
        if isinstance(trainer.get("devices"), list) or "," in str(trainer.get("devices")):
            gpus, most = [], 1  # named devices are the same for each job
        elif gpus:
            if each > len(gpus):
                raise UserError(f"trainer.devices={each}: there are {len(gpus)} GPUs; use fewer, or trainer=cpu")
            most = len(gpus) // each
        else:
            most = max(1, cores // each)
        self._devices = [gpus[i * each : (i + 1) * each] for i in range(most)] if gpus else []
        self.slots = self._n_jobs or most
        if self.slots > 1:
            self._threads = max(1, cores // (self.slots * (1 if gpus else each)))
            log.info("%d jobs at a time", self.slots)
        self.output = sweep_dir / OUTPUT
        self.output.mkdir(exist_ok=True)

    def is_submitted(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        while not self._server.is_ready():
            if self._stop_signal:
                self._not_started.append(job)
                return
        slot = next(number for number in range(self.slots) if number not in self._running)
        environment = {}
        if self._devices and self.slots > 1:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self._devices[slot % len(self._devices)])
        if self._threads:
            environment |= {"OMP_NUM_THREADS": str(self._threads), "POLARS_MAX_THREADS": str(self._threads)}
        assert self.output is not None
        output = self.output / f"{job.name}.txt"
        self._oom_kills = _count_oom_kills()
        process = self._context.Process(
            target=run_job_process, args=(job, output, environment, self._threads), name=job.name
        )
        process.start()
        self._running[slot] = process, job
        if self._stop_signal:  # in the meantime
            self._signal(process, self._stop_signal)

    def wait(self, seconds: float) -> list[Ended]:
        ended = [Ended(job) for job in self._not_started]
        self._not_started.clear()
        wait([process.sentinel for process, _ in self._running.values()], 0.0 if ended else seconds)
        for slot, (process, job) in list(self._running.items()):
            if process.exitcode is not None:
                process.join()
                ended.append(Ended(job, self._cause(process.exitcode)))
                del self._running[slot]
        return ended

    def stop(self, signal: Signals) -> None:
        self._stops, self._stop_signal = self._stops + 1, signal
        for process, _ in list(self._running.values()):
            self._signal(process, signal)

    def _signal(self, process: BaseProcess, signal: Signals) -> None:
        if process.is_alive() and process.pid:
            if self._stops > 2:
                process.kill()
            elif os.name != "nt":  # there a signal kills; the console has interrupted them already
                os.kill(process.pid, signal)

    def close(self) -> None:
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.join(10)
            process.kill()
        if self._stop_signal or not self._server.is_ready(0.0):  # kept for the next sweep of this program
            self._server.end()

    def _cause(self, code: int) -> str | None:
        """Cause of an abnormal exit status."""
        was_oom = -code == _KILLED and _count_oom_kills() > self._oom_kills
        found = cause(code)
        return f"{found}: the machine was out of memory" if found and was_oom else found

    def _gpus(self) -> list[str]:
        """Name of each GPU in CUDA_VISIBLE_DEVICES; another process counts them, as torch is not imported here."""
        number = self._server.gpus()
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        return visible[:number] or [str(device) for device in range(number)]


def _count_oom_kills() -> int:
    """Number of processes that the kernel killed because it was out of memory; 0 if unknown."""
    try:
        counts = dict(line.split() for line in _OUT_OF_MEMORY.read_text().splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return 0
