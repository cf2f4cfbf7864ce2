"""Whether numbers can be stored in 32 bits, which takes half the memory of 64."""

import numpy as np
import polars as pl

_SAMPLE = 2048  # numbers, evenly spaced
_LARGER = 1000  # times the spread: 32 bits, a precision of 6e-8, then keep 6e-5 of the spread


def are_narrow(numbers: pl.Series) -> bool:
    """Whether 32 bits tell numbers apart as well as 64 do, for the purpose of learning from them.

    They do where most numbers are no more than a thousand times as large as their spread, the distance of their
    quartiles: a few far-off numbers change nothing, so that a row more in a file does not either. They also do where no
    number changes by it.

    Args:
        numbers: in 64 bits; null where missing.
    """
    some = numbers.gather_every(max(1, len(numbers) // _SAMPLE)).drop_nulls().to_numpy()
    if not len(some):
        return True
    low, high = np.quantile(some, [0.25, 0.75])
    if max(abs(low), abs(high)) <= _LARGER * (high - low):
        return True
    with np.errstate(over="ignore"):
        return bool((numbers.cast(pl.Float32).cast(pl.Float64) == numbers).all())
