"""Items that are made when they are asked for, in worker processes or in threads."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar, Unpack

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
_TINY = 1000  # starting workers takes longer than decoding so few
T = TypeVar("T")


class WorkerLoader(Loader):
    """Makes items in worker processes, which are started by the first iteration and kept for those that follow.

    The random numbers that `make` meets, of torch, NumPy and Python, are a function of (seed, epoch, number of the
    item): neither the workers nor what was made before has a part in them.

    Args:
        make: the stored input of an item, by its number; a worker process gets a copy.
        numbers: (N,) of the items.
        targets: (N, ...).
        num_workers: how many processes; 0 for none beside this one.

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
            _Batches(make, self.seed),  # type: ignore[arg-type]  # indexed by what the sampler hands out
            sampler=self._epoch,
            batch_size=None,  # the sampler hands out whole batches
            collate_fn=_as_it_is,
            num_workers=num_workers,
            worker_init_fn=_leave_signals_to_the_main_process,
            persistent_workers=num_workers > 0,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # from which it draws seeds that nobody uses, and not from the global one
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
    """The batches that come next, each with its epoch: what a DataLoader calls a sampler."""

    batches: Sequence[tuple[int, list[int]]] = ()

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Batches:
    """What a worker does with a batch."""

    def __init__(self, make: Make, seed: int) -> None:
        self.make, self.seed = make, seed

    def __getitem__(self, batch: tuple[int, list[int]]) -> Tensor | UserError:
        epoch, numbers = batch
        items = []
        with random_numbers_kept():
            for number in numbers:
                _seed(seed_for(self.seed, "item", epoch, number))
                try:
                    items.append(self.make(number))
                except UserError as error:
                    return error  # raised in a worker, it would come with the worker's traceback in its message
        return torch.stack(items)


def _as_it_is(batch: T) -> T:
    return batch


@contextmanager
def _signals_held() -> Iterator[None]:
    """Processes that are started meanwhile get no signals that stop a run before they ask for them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*STOPS, *WARNINGS))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_signals_to_the_main_process(worker: int) -> None:
    """Ctrl-C and schedulers signal every process of a run: the main one then ends it in order, and needs its workers.

    A worker ends when the main process sends it SIGTERM, as torch and multiprocessing do, or is gone.
    """
    for number in {*STOPS, *WARNINGS} - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)
    main = multiprocessing.parent_process()
    assert main is not None

    def end_with_it() -> None:
        main.join()
        os._exit(0)

    def end_when_told() -> None:
        while signal.sigwaitinfo((signal.SIGTERM,)).si_pid != main.pid:
            pass
        os._exit(0)

    threading.Thread(target=end_with_it, daemon=True).start()
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))  # also where it was not held from the start
        threading.Thread(target=end_when_told, daemon=True).start()
    elif hasattr(signal, "pthread_sigmask"):  # macOS tells nobody who sent a signal
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the devices too


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Leaves the global generators of torch's CPU, NumPy and Python as they were found."""
    python, numpy, torch_ = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_)


def workers_for(items: int, processes: int = 1) -> int:
    """How many workers each of the processes that train has for so many items."""
    return 0 if items < _TINY else min(8, max(1, cpus() // processes))
