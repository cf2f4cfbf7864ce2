"""From a column of text to class indices."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from leyden.data.classes import some_names

log = logging.getLogger(__name__)


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

    def are_of(self, known: Sequence[str]) -> Tensor | None:
        """For each row (N,) whether its class is a known one; None unless there are all known ones, and others too."""
        if not known or not set(known) < set(self.names):
            return None
        return torch.tensor([name in known for name in self.names])[self.labels]

    def of_known(self, known: Sequence[str], path: Path) -> "Classes":
        """The known classes alone. Rows of others get the label 0, and must be left out."""
        others = [name for name in self.names if name not in known]
        number = int(sum((self.labels == self.names.index(name)).sum() for name in others))
        log.warning(
            "%s: %d rows of classes that the run did not have are left out: %s", path, number, some_names(others)
        )
        places = [known.index(name) if name in known else 0 for name in self.names]
        return Classes(tuple(known), torch.tensor(places)[self.labels])


def no_labels(rows: int) -> Tensor:
    """(rows,) the label 0 for each, where there are no classes; it takes no memory."""
    return torch.zeros((), dtype=torch.int64).expand(rows)
