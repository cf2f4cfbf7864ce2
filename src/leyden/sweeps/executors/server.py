"""The process that jobs are forked from, which imports torch once for all of them."""

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from leyden.system.graceful_shutdown import STOPS

if TYPE_CHECKING:  # of which Windows has one only
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_IMPORTED = [
    "torch",
    "torchvision",
    "lightning.pytorch",
    "torchmetrics",
    "tensorboard",
    "hydra",
    "leyden.training.train",
]
_IMPORTED += ["leyden.sweeps.executors.forked"]
_TICK = 0.1  # seconds


class Server:
    """Multiprocessing's server, which answers nobody until it has imported everything.

    To start a process waits for that, ten seconds or more, in a system call that no signal breaks off. So a thread does
    it first, with a process that counts the GPUs, and whoever needs the server asks whether it is ready.

    Args:
        context: of the processes that are forked from it.
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

            resource_tracker.ensure_running()  # which lets through again what is blocked here, so it has to be before
            # Whoever ends the whole group asks jobs to stop; the server has to stay, or nobody would know how they
            # ended.
            signal.pthread_sigmask(signal.SIG_BLOCK, set(STOPS))
            forkserver.ensure_running()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(STOPS))
        threading.Thread(target=self._ask, daemon=True, name="torch is imported").start()

    def is_ready(self, seconds: float = _TICK) -> bool:
        """Whether a process is started at once; waits for that at most so long."""
        return self._ready.wait(seconds)

    def gpus(self) -> int:
        """How many GPUs there are; waits until the server is ready, and raises within the handler of a signal.

        Raises:
            RuntimeError: the server ended instead.
        """
        while not self.is_ready():
            pass
        if self._gpus is None:
            raise RuntimeError("the process that imports torch for all jobs has ended")
        return self._gpus

    def end(self) -> None:
        """End the server at once: by itself it ends seconds after this process, and holds the terminal until then."""
        if START == "forkserver":
            from multiprocessing import forkserver

            # Private: there is no other way to learn the server's process. Without it nothing is ended here.
            pid = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
            if pid:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _ask(self) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_count_gpus, args=(sender,), daemon=True)
        with suppress(OSError, EOFError):  # of a server that was ended
            process.start()
            sender.close()
            self._gpus = int(receiver.recv())
            process.join()
        self._ready.set()


def _count_gpus(sender: Connection) -> None:
    import torch

    with suppress(BrokenPipeError):  # who asked is gone
        sender.send(torch.cuda.device_count())
