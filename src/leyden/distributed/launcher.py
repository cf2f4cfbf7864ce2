"""What lets Lightning's Trainer start the further processes of a run by their experiment, and takes all down again."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.distributed import _set_num_threads_if_needed
from lightning.pytorch.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher
from lightning.pytorch.trainer.connectors import accelerator_connector
from torch import distributed

from leyden.config.cross_checks import SPAWNS
from leyden.config.experiment import Experiment
from leyden.distributed import GRACE
from leyden.distributed.rank_processes import RankProcesses
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import Interrupted
from leyden.system.processes import rank

_MADE = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")  # by Lightning


class RankError(RuntimeError):
    """A further process of a run ended before the run did."""


def anywhere() -> AbstractContextManager[object]:
    """Within this block a Trainer for several processes may be built in a notebook too: `all_ranks` knows how."""
    return mock.patch.object(accelerator_connector, "_IS_INTERACTIVE", False)


def check_launcher(trainer: pl.Trainer) -> None:
    """Refuse, with a UserError, a strategy that would start the further processes of a run in another way."""
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise UserError(f"trainer.strategy: {SPAWNS}")


@contextmanager
def all_ranks(trainer: pl.Trainer, experiment: Experiment) -> Iterator[None]:
    """Within this block the Trainer starts the further processes of a run; after it they and their traces are gone.

    Raises:
        UserError: the Trainer would start them in another way.
        RankError: one of them ended and left this one without an answer.
        Interrupted: likewise, by a signal.
    """
    check_launcher(trainer)
    stock = trainer.strategy.launcher
    before, threads = {name: os.environ.get(name) for name in _MADE}, torch.get_num_threads()
    others = RankProcesses(trainer, experiment)
    if isinstance(stock, _SubprocessScriptLauncher):
        trainer.strategy._launcher = _Launcher(stock, others)
        # Lightning would pass SIGTERM on and talk to the others within a handler; graceful_shutdown does it in order.
        trainer._signal_connector._sigterm_notifier_fn = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
        others.leave(in_order=True)
        _disconnect()
    except BaseException as error:
        if rank() and not others:
            raise  # with the connection open: where it closes, the first process knows before anything is told
        ended = _behind(error, others)
        others.leave(in_order=False)
        _disconnect(waiting=False)
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


class _Launcher(_SubprocessScriptLauncher):
    """Lightning's, with processes of our own."""

    def __init__(self, stock: _SubprocessScriptLauncher, others: RankProcesses) -> None:
        super().__init__(stock.cluster_environment, stock.num_processes, stock.num_nodes)
        self.others = others

    def launch(self, function: Callable[..., Any], *args: Any, trainer: pl.Trainer | None = None, **kwargs: Any) -> Any:
        """Start the processes, if nobody has, and call what each of them calls."""
        environment = self.cluster_environment
        environment.validate_settings(num_devices=self.num_processes, num_nodes=self.num_nodes)
        if not environment.creates_processes_externally:
            node = environment.node_rank()
            os.environ |= {
                "MASTER_ADDR": environment.main_address,
                "MASTER_PORT": str(environment.main_port),
                "NODE_RANK": str(node),
                "LOCAL_RANK": "0",  # also the mark by which the next call knows that they are there
                "WORLD_SIZE": str(self.num_processes * self.num_nodes),
            }
            inherited = {name: value for name, value in os.environ.items() if name != "RANK"}  # which is this one's
            path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
            for local in range(1, self.num_processes):
                number = node * self.num_processes + local
                self.others.start(number, {**inherited, "LOCAL_RANK": str(local), "PYTHONPATH": path})
            self.others.watch()
        _set_num_threads_if_needed(num_processes=self.num_processes)
        return function(*args, **kwargs)


def is_of_connection(error: BaseException) -> bool:
    """Whether an error only says that another process does not answer."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _behind(error: BaseException, others: RankProcesses) -> BaseException | None:
    """What ended the process whose connection this one has lost; None if that is not what happened."""
    since = time.monotonic()
    while others and is_of_connection(error) and time.monotonic() - since < 4 * GRACE:  # to end takes Python a while
        if ended := others.ended():
            words, stopped = ended
            return Interrupted(stopped) if stopped else RankError(words)
        time.sleep(0.1)
    return None


def _disconnect(waiting: bool = True) -> None:
    if not distributed.is_available() or not distributed.is_initialized():
        return
    if not waiting and distributed.get_backend() == "nccl":  # would wait for those that are gone
        with suppress(RuntimeError):
            distributed.distributed_c10d._abort_process_group()
    if distributed.is_initialized():
        distributed.destroy_process_group()
