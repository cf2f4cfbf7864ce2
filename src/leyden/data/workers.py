"""Loader of items that are made in worker processes, batch by batch."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Unpack

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

Make = Callable[[int], Any]  # the stored input of an item, by its number
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
        collate: makes a batch of the inputs of its items.
        init: called in each worker with its number.
        pin_memory: null for true with a GPU; this and the others are arguments of torch's DataLoader.

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
        collate: Callable[[list[Any]], Any] = torch.stack,
        init: Callable[[int], Any] | None = None,
        pin_memory: bool | None = None,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        multiprocessing_context: str | None = None,
        **order: Unpack[Order],
    ) -> None:
        super().__init__(len(targets), batch_size, transform, **order)
        self.numbers, self.targets = numbers, targets
        self._iterations = 0
        self._epoch = _Epoch()
        self._batches = _Batches(make, self.seed, collate)
        self._workers: DataLoader[Any] = DataLoader(
            self._batches,  # type: ignore[arg-type]  # indexed by the items of the sampler
            sampler=self._epoch,
            batch_size=None,  # the sampler has whole batches
            num_workers=num_workers,
            worker_init_fn=_WorkerStart(init),
            persistent_workers=num_workers > 0,
            pin_memory=self.device.type == "cuda" if pin_memory is None else pin_memory,
            timeout=timeout,
            prefetch_factor=prefetch_factor,
            multiprocessing_context=multiprocessing_context,
            generator=torch.Generator(),  # for its unused seeds, which come from the global generator otherwise
        )

    def stored(self, epoch: int, batches: Iterable[Tensor]) -> Iterator[Batch]:
        chosen = list(batches)
        for places, inputs in zip(chosen, self.made(epoch, chosen), strict=True):
            yield inputs, self.targets[places]

    def made(self, epoch: int, chosen: Sequence[Tensor]) -> Iterator[Any]:
        """Inputs of each batch of item indices (B,).

        Raises:
            UserError: an item cannot be made, or a worker was killed.
        """
        self._epoch.batches = [(epoch, self.numbers[places].tolist()) for places in chosen]
        self._iterations = iteration = self._iterations + 1
        try:
            with _signals_held() if not has_workers(self._workers) else nullcontext():
                made = iter(self._workers)  # starts the workers, or waits for those that are there
            for inputs in made:
                if isinstance(inputs, UserError):
                    raise inputs
                yield inputs
                if iteration != self._iterations:
                    raise RuntimeError("another iteration over this loader has begun, and taken the workers along")
        except RuntimeError as error:
            if str(error).startswith("DataLoader worker"):  # one was killed
                why = " ".join(str(error).split())
                raise UserError(f"data.num_workers={self._workers.num_workers}: {why}; try fewer, or 0") from error
            raise

    def sample(self, number: int) -> Batch | None:
        index = torch.arange(min(number, self.total))
        inputs = self.sample_of(index)
        generator = torch.Generator(self.device).manual_seed(seed_for(self.seed, "transform", 0, 0, self.rank))
        return self.transform(inputs.to(self.device), generator), self.targets[index].to(self.device)

    def sample_of(self, index: Tensor) -> Any:
        """Inputs of some items as in the first epoch, made in this process."""
        inputs = self._batches[0, self.numbers[index].tolist()]
        if isinstance(inputs, UserError):
            raise inputs
        return inputs

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

    def __init__(self, make: Make, seed: int, collate: Callable[[list[Any]], Any]) -> None:
        self.make, self.seed, self.collate = make, seed, collate

    def __getitem__(self, batch: tuple[int, list[int]]) -> Any:
        epoch, numbers = batch
        items = []
        with random_numbers_kept():
            for number in numbers:
                seed_item(seed_for(self.seed, "item", epoch, number))
                try:
                    items.append(self.make(number))
                except UserError as error:
                    return error  # if it were raised, its message would get the worker's traceback
            try:
                return self.collate(items)
            except UserError as error:
                return error


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


class _WorkerStart:
    """First call in a worker: it leaves signals to the main process, and then calls a function of the user's."""

    def __init__(self, init: Callable[[int], Any] | None) -> None:
        self.init = init

    def __call__(self, worker: int) -> None:
        _leave_signals_to_the_main_process(worker)
        if self.init:
            self.init(worker)


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
def seeded(seed: int) -> Iterator[None]:
    """Context with seeded generators of torch's CPU, NumPy and Python, which are restored on exit."""
    with random_numbers_kept():
        seed_item(seed)
        yield


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
