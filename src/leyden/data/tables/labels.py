"""From a column of text to class indices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import torch
from torch import Tensor


@dataclass(frozen=True)
class Classes:
    """Classes and which of them each row has.

    Attributes:
        names: in the order of the labels.
        labels: (N,) int64.
    """

    names: tuple[str, ...]
    labels: Tensor = field(repr=False)

    @classmethod
    def of(cls, column: pl.Series, names: Mapping[str, str], order: Sequence[str]) -> "Classes":
        """From a column of text.

        Args:
            column: without missing values.
            names: class of each text.
            order: of the classes.
        """
        places = {name: place for place, name in enumerate(order)}
        known, labels = list(names), [places[name] for name in names.values()]
        index = column.replace_strict(known, labels, return_dtype=pl.Int64)
        return cls(tuple(order), index.to_torch().long())


def no_labels(rows: int) -> Tensor:
    """(rows,) the label 0 for each, where there are no classes; it takes no memory."""
    return torch.zeros((), dtype=torch.int64).expand(rows)
