"""Digests of items, of 64 bits, by which an item is recognised in files that have changed."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor

Digests = NDArray[np.uint64]

_BLOCK = 1 << 16  # items: these fit into the cache of a core
_START = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xD6E8FEB86659FD93)  # odd, so that a product loses nothing
_HALF = np.uint64(32)
_NO_DATE = -(1 << 63)


def digest(data: bytes) -> int:
    """Digest of 64 bits, the same on every machine."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def row_digests(columns: Sequence[pl.Series]) -> Digests:
    """Digests (N,) of the rows of a table, by the values of these columns: N numbers, dates or words each.

    Numbers of 32 and 64 bits differ. A missing value differs from all others.
    """
    digests = np.full(len(columns[0]), _START)
    numbers = [column for column in columns if column.dtype == pl.Float32]
    pair = np.zeros((_BLOCK, 2), dtype=np.float32)  # two numbers are a word of 64 bits
    spare = np.empty(_BLOCK, dtype=np.uint64)
    for rows in _blocks(len(digests)):
        part = pair[: len(digests[rows])]
        for first in range(0, len(numbers), 2):
            part[:, 1] = 0
            for place, column in enumerate(numbers[first : first + 2]):
                values = column[rows].to_numpy()  # a whole column would be copied; NaN where one is missing
                np.add(values, 0, out=part[:, place])  # -0 becomes 0
            if any(column.null_count() for column in numbers[first : first + 2]):
                part[np.isnan(part)] = np.nan  # there are many kinds, which differ in their bits
            _add(digests[rows], part.view(np.uint64)[:, 0], spare[: len(part)])
    for column in columns:
        if column.dtype != pl.Float32:
            words = _words_of(column)
            for rows in _blocks(len(digests)):
                _add(digests[rows], words[rows])
    return digests


def tensor_digests(items: Tensor) -> Digests:
    """Digests (N,) of the bytes of each item (N, ...)."""
    digests = np.full(len(items), _START)
    if not items.numel():
        return digests
    flat = items.detach().cpu().contiguous().reshape(len(items), -1).numpy().view(np.uint8)
    size = flat.shape[1]
    for rows in _blocks(len(digests)):
        padded = np.zeros((len(flat[rows]), -(-size // 8) * 8), dtype=np.uint8)  # to whole words of 64 bits
        padded[:, :size] = flat[rows]
        for word in padded.view(np.uint64).T:
            _add(digests[rows], word)
    return digests


def position_digests(name: str, positions: Tensor) -> Digests:
    """Digests (N,) of items of a data set that never changes, by its name and their positions (N,) in it."""
    digests = np.full(len(positions), digest(name.encode()), dtype=np.uint64)
    _add(digests, positions.numpy().astype(np.uint64))
    return digests


class ItemDigests(NamedTuple):
    """Digests (N,) of inputs, and of the same with their targets."""

    inputs: Digests
    items: Digests


def with_labels(digests: Digests, labels: Tensor, names: Sequence[str]) -> ItemDigests:
    """Digests of items, by those of their inputs and the names of their classes.

    Args:
        digests: (N,) of the inputs.
        labels: (N,) class indices.
        names: of the classes; the digest of an item does not depend on their order.
    """
    items = digests.copy()
    _add(items, np.array([digest(name.encode()) for name in names], dtype=np.uint64)[labels.numpy()])
    return ItemDigests(digests, items)


def with_targets(digests: Digests, targets: Sequence[pl.Series]) -> ItemDigests:
    """Digests of items, by those of their inputs and N numbers in each of some columns."""
    items = digests.copy()
    _add(items, row_digests(targets))
    return ItemDigests(digests, items)


def _add(digests: Digests, words: NDArray[Any], spare: Digests | None = None) -> None:
    """Add a word of 64 bits to the digest of each item, in place; `spare` is memory (N,) for intermediate results."""
    np.bitwise_xor(digests, words, out=digests)
    np.multiply(digests, _FACTOR, out=digests)
    high = np.right_shift(digests, _HALF, out=spare)
    np.bitwise_xor(digests, high, out=digests)


def _blocks(number: int) -> Iterator[slice]:
    return (slice(begin, begin + _BLOCK) for begin in range(0, number, _BLOCK))


def _words_of(column: pl.Series) -> Digests:
    """A word (N,) for each date, text or number of 64 bits."""
    if column.dtype.is_temporal():  # in microseconds
        return column.cast(pl.Datetime("us")).to_physical().fill_null(_NO_DATE).to_numpy().view(np.uint64)
    if column.dtype.is_numeric():
        numbers = column.cast(pl.Float64).to_numpy() + 0.0  # -0 becomes 0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.uint64)
    values = column.unique().drop_nulls()
    words = pl.Series([digest(str(value).encode()) for value in values], dtype=pl.UInt64)
    missing = digest(b"\0missing")
    if not len(values):
        return np.full(len(column), missing, dtype=np.uint64)
    return column.replace_strict(values, words, default=missing, return_dtype=pl.UInt64).to_numpy()
