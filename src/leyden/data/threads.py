"""Work on many items in threads, as decoding images releases Python's lock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

from rich.progress import track

from leyden.system.console import has_live_display
from leyden.system.processes import cpus

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(work: Callable[[T], R], items: Iterable[T], threads: int, ahead: int) -> Iterator[R]:
    """Results of `work`, in order, computed at most so many items ahead: all of them may not fit in memory."""
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_threads(work: Callable[[T], R], items: Sequence[T], doing: str) -> Iterator[R]:
    """Results of `work`, in order, with a progress bar for many items on a terminal."""
    size = 64  # a future for each item would take more time and memory
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    results = map_ahead(lambda chunk: [work(item) for item in chunk], chunks, cpus(), 4 * cpus())
    hidden = len(items) < 2000 or not has_live_display()
    yield from chain.from_iterable(track(results, doing, total=len(chunks), transient=True, disable=hidden))
