"""Work on many items at once, in threads: decoding images lets go of Python's lock."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import rich
from rich.progress import track

from leyden.system.processes import cpus

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], doing: str) -> Iterator[R]:
    """The results of `work`, in order; what takes long shows its progress on a terminal."""
    size = 64  # a future for each item would take more memory than the items
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    pool = ThreadPoolExecutor(cpus())
    try:
        results = pool.map(lambda chunk: [work(item) for item in chunk], chunks)
        hidden = len(items) < 2000 or not rich.get_console().is_terminal
        for chunk in track(results, doing, total=len(chunks), transient=True, disable=hidden):
            yield from chunk
    finally:
        pool.shutdown(cancel_futures=True)
