"""Process that jobs are forked from, which imports torch once for all of them."""

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from leyden.system.graceful_shutdown import STOPS

if TYPE_CHECKING:  # Windows has only one of them
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_IMPORTED = ["torch", "torchvision", "lightning.pytorch", "torchmetrics", "tensorboard", "hydra"]
_IMPORTED += ["leyden.training.train", "leyden.sweeps.executors.job_process"]
_TICK = 0.1  # seconds


class ForkServer:
    """Fork server of multiprocessing, which does not respond before all its imports.

    Starting a process waits for that, ten seconds or more, in a system call that no signal interrupts. So a thread
    first starts a process that counts the GPUs, and the executor polls `is_ready`.
    """

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._ready = threading.Event()
        self._gpus: int | None = None

    def begin(self) -> None:
        """Start the server, and return."""
        self._context.set_forkserver_preload(_IMPORTED)
        if START == "forkserver":
            from multiprocessing import forkserver, resource_tracker

            resource_tracker.ensure_running()  # first, as it unblocks the signals that are blocked here
            # A signal to the whole process group is for the jobs; without the server their exit status would be lost.
            signal.pthread_sigmask(signal.SIG_BLOCK, set(STOPS))
            forkserver.ensure_running()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(STOPS))
        threading.Thread(target=self._count, daemon=True, name="torch is imported").start()

    def is_ready(self, seconds: float = _TICK) -> bool:
        """True if a process would start at once; waits for that, at most so long."""
        return self._ready.wait(seconds)

    def gpus(self) -> int:
        """Number of GPUs. Waits until the server is ready, and can be interrupted by a signal.

        Raises:
            RuntimeError: the server has ended.
        """
        while not self.is_ready():
            pass
        if self._gpus is None:
            raise RuntimeError("the process that imports torch for all jobs has ended")
        return self._gpus

    def end(self) -> None:
        """Kill the server: by itself it ends seconds after this process, and blocks the terminal until then."""
        if START == "forkserver":
            from multiprocessing import forkserver

            # Private: there is no other way to find the server's process. If it disappears, nothing is killed here.
            pid = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
            if pid:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _count(self) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_count_gpus, args=(sender,), daemon=True)
        with suppress(OSError, EOFError):  # the server was killed
            process.start()
            sender.close()
            self._gpus = int(receiver.recv())
            process.join()
        self._ready.set()


def _count_gpus(sender: Connection) -> None:
    import torch

    with suppress(BrokenPipeError):  # the parent is gone
        sender.send(torch.cuda.device_count())
