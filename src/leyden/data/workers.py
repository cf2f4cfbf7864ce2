"""Loader of items that are made in worker processes, batch by batch."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Unpack

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from leyden.data.loader import Batch, Loader, Order, Transform
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import STOPS, WARNINGS
from leyden.system.lightning_internals import has_workers, shut_down_workers
from leyden.system.processes import cpus
from leyden.system.seeds import seed_for

Make = Callable[[int], Tensor]  # the stored input of an item, by its number
_TINY = 1000  # decoding so few takes less time than starting workers


class WorkerLoader(Loader):
    """Makes items in worker processes, which are started by the first iteration and kept for the following ones.

    The random numbers of torch, NumPy and Python in `make` are a function of (seed, epoch, number of the item),
    independent of workers and earlier items.

    Args:
        make: the stored input of an item, by its number; a worker process gets a copy.
        numbers: (N,) of the items.
        targets: (N, ...).
        num_workers: number of processes; 0 for this one only.

    The others are those of Loader.
    """

    def __init__(
        self,
        make: Make,
        numbers: Tensor,
        targets: Tensor,
        batch_size: int,
        transform: Transform,
        num_workers: int = 0,
        **order: Unpack[Order],
    ) -> None:
        super().__init__(len(targets), batch_size, transform, **order)
        self.numbers, self.targets = numbers, targets
        self._iterations = 0
        self._epoch = _Epoch()
        self._workers: DataLoader[Tensor | UserError] = DataLoader(
            _Batches(make, self.seed),  # type: ignore[arg-type]  # indexed by the items of the sampler
            sampler=self._epoch,
            batch_size=None,  # the sampler has whole batches
            num_workers=num_workers,
            worker_init_fn=_leave_signals_to_the_main_process,
            persistent_workers=num_workers > 0,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # for its unused seeds, which come from the global generator otherwise
        )

    def stored(self, epoch: int, batches: Iterable[Tensor]) -> Iterator[Batch]:
        chosen = list(batches)
        self._epoch.batches = [(epoch, self.numbers[places].tolist()) for places in chosen]
        self._iterations = iteration = self._iterations + 1
        try:
            with _signals_held() if not has_workers(self._workers) else nullcontext():
                made = iter(self._workers)  # starts the workers, or waits for those that are there
            for places, inputs in zip(chosen, made, strict=True):
                if isinstance(inputs, UserError):
                    raise inputs
                yield inputs, self.targets[places]
                if iteration != self._iterations:
                    raise RuntimeError("another iteration over this loader has begun, and taken the workers along")
        except RuntimeError as error:
            if str(error).startswith("DataLoader worker"):  # one was killed
                why = " ".join(str(error).split())
                raise UserError(f"data.num_workers={self._workers.num_workers}: {why}; try fewer, or 0") from error
            raise

    def close(self) -> None:
        """End the worker processes, also where an iteration was left in the middle. The next one starts new ones."""
        shut_down_workers(self._workers)


class _Epoch:
    """Sampler of the next batches, each with its epoch."""

    batches: Sequence[tuple[int, list[int]]] = ()

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Batches:
    """Data set of batches, made in a worker."""

    def __init__(self, make: Make, seed: int) -> None:
        self.make, self.seed = make, seed

    def __getitem__(self, batch: tuple[int, list[int]]) -> Tensor | UserError:
        epoch, numbers = batch
        items = []
        with random_numbers_kept():
            for number in numbers:
                seed_item(seed_for(self.seed, "item", epoch, number))
                try:
                    items.append(self.make(number))
                except UserError as error:
                    return error  # if it were raised, its message would get the worker's traceback
        return torch.stack(items)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Context in which new processes get no signals that stop a run until they have handlers for them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*STOPS, *WARNINGS))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_signals_to_the_main_process(worker: int) -> None:
    """Ignore Ctrl-C and the signals of schedulers, which reach all processes: the main one still needs its workers.

    A worker ends when the main process sends it SIGTERM, as torch and multiprocessing do, or has ended.
    """
    for number in {*STOPS, *WARNINGS} - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)
    main = multiprocessing.parent_process()
    assert main is not None

    def end_with_it() -> None:
        main.join()
        os._exit(0)

    def end_when_terminated() -> None:
        while signal.sigwaitinfo((signal.SIGTERM,)).si_pid != main.pid:
            pass
        os._exit(0)

    threading.Thread(target=end_with_it, daemon=True).start()
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))  # even if it was not held from the start
        threading.Thread(target=end_when_terminated, daemon=True).start()
    elif hasattr(signal, "pthread_sigmask"):  # macOS does not say who sent a signal
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))


def seed_item(seed: int) -> None:
    """Seed the generators of Python, NumPy and the CPU of torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the devices too


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Context that restores the global generators of torch's CPU, NumPy and Python."""
    python, numpy, torch_ = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_)


def workers_for(items: int, processes: int = 1) -> int:
    """Default number of workers for so many items, for each of the processes that train."""
    return 0 if items < _TINY else min(8, max(1, cpus() // processes))
