"""Jobs on this machine, each in a process of its own: what one does to its process leaves the others alone.

Processes are forked from a server that has torch imported and nothing else done, so that a job begins at once and
memory does not grow from job to job. Where there is no fork (Windows) each process imports for itself.
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
from leyden.sweeps.executors.forked import perform_alone
from leyden.sweeps.executors.server import START, Server
from leyden.sweeps.executors.worker import cause, check_numbers, devices
from leyden.sweeps.job import Job
from leyden.system.errors import UserError
from leyden.system.processes import cpus

if TYPE_CHECKING:
    from leyden.sweeps.executors.server import Context

log = logging.getLogger(__name__)

_KILLED = 9  # SIGKILL, which Windows has no name for
_OUT_OF_MEMORY = Path("/sys/fs/cgroup/memory.events")


class Processes:
    """Executes jobs in processes of this machine.

    Args:
        n_jobs: how many at a time; None for one for each GPU, or for each core where there is none.
    """

    prompt = True

    def __init__(self, n_jobs: int | None = 1) -> None:
        check_numbers("local", {"n_jobs": n_jobs})
        self.slots = n_jobs or 1
        self._n_jobs = n_jobs
        self._context: Context = multiprocessing.get_context(START)  # type: ignore[assignment]
        self._server = Server(self._context)
        self._never: list[Job] = []  # asked to stop before they could be started
        self._running: dict[int, tuple[BaseProcess, Job]] = {}  # by slot
        self._output: Path | None = None
        self._devices: list[list[str]] = []
        self._threads: int | None = None
        self._stops = 0
        self._asked: Signals | None = None
        self._starved = 0

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
            gpus, most = [], 1  # those that are named, for each job
        elif gpus:
            if each > len(gpus):
                raise UserError(f"trainer.devices={each}: there are {len(gpus)} GPUs; give as many, or trainer=cpu")
            most = len(gpus) // each
        else:
            most = max(1, cores // each)
        self._devices = [gpus[i * each : (i + 1) * each] for i in range(most)] if gpus else []
        self.slots = self._n_jobs or most
        if self.slots > 1:
            self._threads = max(1, cores // (self.slots * (1 if gpus else each)))
            self._output = sweep_dir / OUTPUT
            self._output.mkdir(exist_ok=True)
            log.info("%d jobs at a time; what they print goes to %s", self.slots, self._output)

    def holds(self, job: Job) -> bool:
        return False

    def start(self, job: Job) -> None:
        while not self._server.is_ready():
            if self._asked:
                self._never.append(job)
                return
        slot = next(number for number in range(self.slots) if number not in self._running)
        environment = {}
        if self._devices and self.slots > 1:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self._devices[slot % len(self._devices)])
        if self._threads:
            environment |= {"OMP_NUM_THREADS": str(self._threads), "POLARS_MAX_THREADS": str(self._threads)}
        output = self._output / f"{job.name}.txt" if self._output else None
        self._starved = _times_out_of_memory()
        process = self._context.Process(
            target=perform_alone, args=(job, output, environment, self._threads), name=job.name
        )
        process.start()
        self._running[slot] = process, job
        if self._asked:  # while it was started
            self._tell(process, self._asked)

    def wait(self, seconds: float) -> list[Ended]:
        ended = [Ended(job) for job in self._never]
        self._never.clear()
        wait([process.sentinel for process, _ in self._running.values()], 0.0 if ended else seconds)
        for slot, (process, job) in list(self._running.items()):
            if process.exitcode is not None:
                process.join()
                ended.append(Ended(job, self._cause(process.exitcode)))
                del self._running[slot]
        return ended

    def stop(self, signal: Signals) -> None:
        self._stops, self._asked = self._stops + 1, signal
        for process, _ in list(self._running.values()):
            self._tell(process, signal)

    def _tell(self, process: BaseProcess, signal: Signals) -> None:
        if process.is_alive() and process.pid:
            if self._stops > 2:
                process.kill()
            elif os.name != "nt":  # there to signal is to kill; the console has told them already
                os.kill(process.pid, signal)

    def close(self) -> None:
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.join(10)
            process.kill()
        if self._asked or not self._server.is_ready(0.0):  # else it serves the next sweep of this program
            self._server.end()

    def _cause(self, code: int) -> str | None:
        """What a status says that the job itself has not said."""
        starved = -code == _KILLED and _times_out_of_memory() > self._starved
        told = cause(code)
        return f"{told}: the machine was out of memory" if told and starved else told

    def _gpus(self) -> list[str]:
        """What CUDA_VISIBLE_DEVICES calls each GPU; another process asks torch, which is not imported here."""
        number = self._server.gpus()
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        return visible[:number] or [str(device) for device in range(number)]


def _times_out_of_memory() -> int:
    """How many processes the kernel has killed for want of memory; 0 where it does not say."""
    try:
        counts = dict(line.split() for line in _OUT_OF_MEMORY.read_text().splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return 0
