"""Jobs on this machine, each in a process of its own: what one does to its process leaves the others alone.

Processes are forked from a server that has torch imported and nothing else done, so that a job begins at once and
memory does not grow from job to job. Where there is no fork (Windows) each process imports for itself.
"""

import logging
import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from leyden.errors import UserError
from leyden.processes import cpus
from leyden.signals import STOPS
from leyden.sweeps.executors.executor import OUTPUT, Ended
from leyden.sweeps.executors.forked import perform_alone
from leyden.sweeps.executors.worker import cause, check_numbers, devices
from leyden.sweeps.job import Job

if TYPE_CHECKING:  # of which Windows has one only
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

log = logging.getLogger(__name__)

_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_IMPORTED = ["torch", "torchvision", "lightning.pytorch", "torchmetrics", "tensorboard", "hydra", "leyden.train"]
_IMPORTED += ["leyden.sweeps.executors.forked"]
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
        self._context: Context = multiprocessing.get_context(_START)  # type: ignore[assignment]
        self._running: dict[int, tuple[BaseProcess, Job]] = {}  # by slot
        self._output: Path | None = None
        self._devices: list[list[str]] = []
        self._threads: int | None = None
        self._stops = 0
        self._asked: Signals | None = None
        self._starved = 0

    def open(self, sweep_dir: Path, jobs: Sequence[Job]) -> None:
        _start_server(self._context)
        log.info("starting; torch is imported once for all jobs")
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
        if self._asked:  # while it was started, which takes seconds if it is the first
            self._tell(process, self._asked)

    def wait(self, seconds: float) -> list[Ended]:
        wait([process.sentinel for process, _ in self._running.values()], seconds)
        ended = []
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

    def _cause(self, code: int) -> str | None:
        """What a status says that the job itself has not said."""
        starved = -code == _KILLED and _times_out_of_memory() > self._starved
        told = cause(code)
        return f"{told}: the machine was out of memory" if told and starved else told

    def _gpus(self) -> list[str]:
        """What CUDA_VISIBLE_DEVICES calls each GPU; another process asks torch, which is not imported here."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_count_gpus, args=(sender,), daemon=True)
        process.start()
        sender.close()
        number = int(receiver.recv())
        process.join()
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        return visible[:number] or [str(device) for device in range(number)]


def _start_server(context: "Context") -> None:
    """Begin to import, in the process that the others are forked from."""
    context.set_forkserver_preload(_IMPORTED)
    if _START == "forkserver":
        from multiprocessing import forkserver, resource_tracker

        resource_tracker.ensure_running()  # which lets through again what is blocked here, so it has to be before
        # Whoever ends the whole group asks jobs to stop; the server has to stay, or nobody would know how they ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, set(STOPS))
        forkserver.ensure_running()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, set(STOPS))


def _count_gpus(sender: Connection) -> None:
    import torch

    with suppress(BrokenPipeError):  # who asked is gone
        sender.send(torch.cuda.device_count())


def _times_out_of_memory() -> int:
    """How many processes the kernel has killed for want of memory; 0 where it does not say."""
    try:
        counts = dict(line.split() for line in _OUT_OF_MEMORY.read_text().splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return 0
