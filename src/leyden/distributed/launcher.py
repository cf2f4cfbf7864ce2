"""Further processes of a data-parallel run, started before Lightning's Trainer works and ended after it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import distributed

from leyden.config.cross_checks import SPAWNS
from leyden.config.experiment import Experiment
from leyden.distributed import GRACE
from leyden.distributed.rank_processes import RankProcesses
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import Interrupted
from leyden.system.lightning_internals import abort_process_group, disable_sigterm_broadcast, forks_or_spawns
from leyden.system.processes import rank

# What is set here and by Lightning.
_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")


class RankError(RuntimeError):
    """A further process of a run ended before the run did."""


def check_launcher(trainer: L.Trainer) -> None:
    """Refuse, with a UserError, a strategy that would start the further processes of a run in another way."""
    if forks_or_spawns(trainer):
        raise UserError(f"trainer.strategy: {SPAWNS}")


@contextmanager
def launch_ranks(trainer: L.Trainer, experiment: Experiment) -> Iterator[None]:
    """Start the further processes of a run, unless torchrun or a scheduler has; after this block all of them are gone.

    Raises:
        UserError: the Trainer would start them in another way.
        RankError: one of them ended and left this one without an answer.
        Interrupted: a signal ended one of them.
    """
    check_launcher(trainer)
    before, threads = {name: os.environ.get(name) for name in _VARIABLES}, torch.get_num_threads()
    others = RankProcesses(trainer, experiment)
    disable_sigterm_broadcast(trainer)
    try:
        if trainer.strategy.launcher is not None:
            _start(trainer.strategy, others)
        yield
        others.stop(wait=True)
        _disconnect()
    except BaseException as error:
        if rank() and not others:
            raise  # with the connection open: when it closes, the first process knows before any message is printed
        ended = _failure_behind(error, others)
        others.stop(wait=False)
        _disconnect(wait=False)
        if ended:
            raise ended from error
        raise
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start(strategy: Any, others: RankProcesses) -> None:
    """Start the processes. Lightning starts none where LOCAL_RANK is set: it takes the user for the launcher."""
    environment = strategy.cluster_environment
    if environment.creates_processes_externally:
        return
    node = environment.node_rank()
    os.environ |= {
        "MASTER_ADDR": environment.main_address,
        "MASTER_PORT": str(environment.main_port),
        "NODE_RANK": str(node),
        "LOCAL_RANK": "0",
        "WORLD_SIZE": str(strategy.num_processes * strategy.num_nodes),
    }
    inherited = {name: value for name, value in os.environ.items() if name != "RANK"}  # which is this one's
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    for local in range(1, strategy.num_processes):
        number = node * strategy.num_processes + local
        others.start(number, {**inherited, "LOCAL_RANK": str(local), "PYTHONPATH": path})
    others.watch()


def is_connection_error(error: BaseException) -> bool:
    """True if an error only says that another process does not answer."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _failure_behind(error: BaseException, others: RankProcesses) -> BaseException | None:
    """Failure of another process that explains a lost connection; None for any other error."""
    since = time.monotonic()
    while others and is_connection_error(error) and time.monotonic() - since < 4 * GRACE:  # Python takes time to exit
        if failure := others.failure():
            words, stopped = failure
            return Interrupted(stopped) if stopped else RankError(words)
        time.sleep(0.1)
    return None


def _disconnect(wait: bool = True) -> None:
    if not distributed.is_available() or not distributed.is_initialized():
        return
    if not wait and distributed.get_backend() == "nccl":  # would wait for processes that are gone
        with suppress(RuntimeError):
            abort_process_group()
    if distributed.is_initialized():
        distributed.destroy_process_group()
