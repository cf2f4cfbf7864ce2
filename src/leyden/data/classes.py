"""Classes of a data set: the order of their names, names that mean the same, and classes that a split lacks."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from leyden.data.abbreviated import abbreviated, one_line

log = logging.getLogger(__name__)
_BOOLEANS = {"true": ("true", "yes", "on"), "false": ("false", "no", "off")}  # as YAML reads these words
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Classes:
    """Class names and the class of each row of a table.

    Attributes:
        names: in the order of the labels.
        labels: (N,) int64.
    """

    names: tuple[str, ...]
    labels: Tensor = field(repr=False)

    @classmethod
    def of(cls, column: pl.Series, names: Mapping[str, str], order: Sequence[str]) -> "Classes":
        """From a column of text without missing values.

        Args:
            column: the text of each row.
            names: class of each text.
            order: of the classes.
        """
        places = {name: place for place, name in enumerate(order)}
        known, labels = list(names), [places[name] for name in names.values()]
        index = column.replace_strict(known, labels, return_dtype=pl.Int64)
        return cls(tuple(order), index.to_torch().long())

    def are_known(self, known: Sequence[str]) -> Tensor | None:
        """Mask (N,) of the rows of known classes; None unless there are all of these, and others too."""
        if not known or not set(known) < set(self.names):
            return None
        return torch.tensor([name in known for name in self.names])[self.labels]

    def only_known(self, known: Sequence[str], path: Path) -> "Classes":
        """The known classes only. Rows of others get the label 0, and must be left out."""
        others = [name for name in self.names if name not in known]
        number = int(sum((self.labels == self.names.index(name)).sum() for name in others))
        names = abbreviated(others)
        log.warning("%s: %d rows of classes that the run did not have are left out: %s", path, number, names)
        places = [known.index(name) if name in known else 0 for name in self.names]
        return Classes(tuple(known), torch.tensor(places)[self.labels])


def number_in(name: str) -> float | None:
    """The number that a class name is; None for other names."""
    return float(name) if _NUMBER.fullmatch(name) else None


def natural_order(names: Iterable[str]) -> list[str]:
    """Names in natural order: 1, 2, 10; class2, class10; otherwise by their letters.

    If all names are numbers they are in the order of their values, -1 before 0.5 before 1.
    """
    names = list(names)
    if all(number_in(name) is not None for name in names):
        return sorted(names, key=lambda name: (number_in(name), name))
    return sorted(names, key=lambda name: (_parts(name), name))


def class_meant(word: str, names: Sequence[str]) -> str | None:
    """Class that a word of a config names: by its text, as a number, or as YAML reads `yes` and `no`; None for none."""
    if (name := matching(word, names)) is not None:
        return name
    alike = [name for name in names if name.lower() in _BOOLEANS.get(word.lower(), ())]
    return alike[0] if len(alike) == 1 else None


def matching(name: str, names: Sequence[str]) -> str | None:
    """The class name with the same text as a name or, if it is the only one, the same number; None if there is none.

    `1.0` and `01` match `1`: a table in which a value is missing is often written so.
    """
    if name in names:
        return name
    number = number_in(name)
    same = [other for other in names if number is not None and number_in(other) == number]
    return same[0] if len(same) == 1 else None


def in_known_order(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Class names in the order of a network; in their own order if the network knows others."""
    return tuple(known) if set(names) == set(known) else tuple(names)


def warn_of_absent_classes(
    labels: Mapping[str, Tensor], names: Sequence[str], items: str = "items", is_trained: bool = False
) -> None:
    """Log, in one line, the classes of which a split has no item, and those that have one item in all.

    Args:
        labels: class indices (N,) of each split.
        items: word for the items, such as rows or images.
        is_trained: True if a network is evaluated on these data, so that the training split does not matter.
    """
    counts = {split: of.bincount(minlength=len(names)) for split, of in labels.items() if len(of)}
    counts.pop("new", None)  # items that a run did not have
    if is_trained:
        counts.pop("train", None)
    found = []
    for split, of in counts.items():
        absent = [names[label] for label in (of == 0).nonzero().flatten().tolist()]
        if absent:
            found.append(f"{split} has no {items} of {abbreviated(absent)}")
    if not found:
        return
    total = torch.stack(list(counts.values())).sum(dim=0)
    single = [names[label] for label in (total == 1).nonzero().flatten().tolist()]
    if single and not is_trained:
        have = f"{len(single)} classes have" if len(single) > 1 else "1 class has"
        found.append(f"{have} a single one, which can be in one split only ({abbreviated(single)})")
    log.warning("data: %s", "; ".join(found))


def warn_of_alike(names: Sequence[str], where: str) -> None:
    """Log the names that differ only in case, blanks or the notation of a number, as `cat` and `Cat`, `1` and `01`."""
    groups = dict[object, list[str]]()
    for name in names:
        number = number_in(name)
        groups.setdefault("".join(name.split()).casefold() if number is None else number, []).append(name)
    alike = [f"{one_line(group[0])} and {one_line(group[1])}" for group in groups.values() if len(group) > 1]
    if alike:
        log.warning("%s: %s are different classes; if they are the same, write them alike", where, abbreviated(alike))


def _parts(name: str) -> list[tuple[int, int, str]]:
    """Sort key of a name, in which digits compare as numbers and come before letters."""
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
