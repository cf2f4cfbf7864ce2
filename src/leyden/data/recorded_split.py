"""Recorded split of a run, by the digests of its items, and its items in data that may have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from leyden.data.digests import Digests

NEW = "new"  # the split of the items that a run did not have


@dataclass(frozen=True)
class Division:
    """Rows of each split of the data, compared with a recorded split.

    Attributes:
        rows: (N,) of train, val and test, and of `new` if there are items that the run did not have.
        missing: for each split, the number of recorded items that are not in the data, or have changed.
        is_same: True if any recorded item is in the data; if not, these are other data with a split of their own.
    """

    rows: dict[str, Tensor]
    missing: dict[str, int]
    is_same: bool = True


@dataclass(frozen=True)
class RecordedSplit:
    """Items that a run was trained, validated and tested on.

    Attributes:
        items: digests (N,) of train, val and test, each in the order of the run.
        inputs: digests (N,) of the inputs that were trained on, without their targets.
        identified_by: parts of the items in their digests: see `DataModule.identified_by`.
        is_kept: True if the items stay in their splits; if not, the data are split anew.
    """

    items: Mapping[str, Digests]
    inputs: Digests
    identified_by: Sequence[str] = ()
    is_kept: bool = True

    def divide(self, drawn: dict[str, Tensor], parts: Mapping[str, Tensor], digests: Digests) -> Division:
        """The same split of data to which items were added, or from which some were removed.

        Splits that were drawn have their recorded items, in the recorded order; items that the run did not have are in
        none of them. A split that the data come with has all items of its part, the recorded ones first.

        Args:
            drawn: rows of each split in a new run. They are the result if their items are the recorded ones.
            parts: rows of the splits that the data come with.
            digests: (N,) of all items.
        """
        official = {split: rows for split, rows in parts.items() if split != "train" and len(rows)}
        names = [split for split in drawn if split in official or split not in parts or split == "train"]
        if all(np.array_equal(digests[drawn[split].numpy()], self._items(split)) for split in names):
            return Division(drawn, dict.fromkeys(names, 0))
        pool = torch.cat([rows for split, rows in parts.items() if split not in official])
        rows, new = self._find([split for split in names if split not in official], pool, digests)
        missing = {split: len(self._items(split)) - len(found) for split, found in rows.items()}
        if not any(map(len, rows.values())):
            return Division(drawn, missing, is_same=False)
        for split, part in official.items():
            found, others = self._find([split], part, digests)
            missing[split] = len(self._items(split)) - len(found[split])
            rows[split] = torch.cat([found[split], others])
        rows = {split: rows.get(split, drawn[split]) for split in drawn}
        return Division(rows | ({NEW: new} if len(new) else {}), missing)

    def is_trained(self, inputs: Digests) -> NDArray[np.bool_]:
        """Mask (N,) of the digests of inputs that were trained on, with any target."""
        items, train = pl.Series(inputs), pl.Series(self.inputs)
        both = train.filter(train.is_in(items.implode()))  # first those in both, which are few: NumPy would sort all
        return items.is_in(both.implode()).to_numpy()

    def _items(self, split: str) -> Digests:
        return self.items.get(split, np.empty(0, dtype=np.uint64))

    def _find(self, splits: Sequence[str], pool: Tensor, digests: Digests) -> tuple[dict[str, Tensor], Tensor]:
        """Rows of the recorded items of some splits in a pool, and the other rows of the pool.

        Each of several equal items counts as one: if a run had one of two equal items, one is recorded and one is not.
        """
        rows, found = pool.numpy(), digests[pool.numpy()]
        wanted = np.concatenate([self._items(split) for split in splits])
        order = np.argsort(found, kind="stable")
        ordered = found[order]
        places = np.searchsorted(ordered, wanted) + _repeats(wanted)
        inside = np.minimum(places, len(ordered) - 1)
        is_there = (places < len(ordered)) & (ordered[inside] == wanted)
        result, begin = dict[str, Tensor](), 0
        for split in splits:
            part = slice(begin, begin + len(self._items(split)))
            result[split] = torch.from_numpy(rows[order[places[part][is_there[part]]]])
            begin = part.stop
        others = np.ones(len(rows), dtype=bool)
        others[order[places[is_there]]] = False
        return result, torch.from_numpy(rows[others])


def _repeats(values: Digests) -> NDArray[np.int64]:
    """Number of equal values before each of (N,) values."""
    order = np.argsort(values, kind="stable")
    ordered, places = values[order], np.arange(len(values))
    is_first = np.ones(len(values), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    repeats = np.empty_like(places)
    repeats[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return repeats
