"""Names of classes: their order, which of them mean the same, and which of them a split lacks."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from leyden.data.abbreviated import one_line, shortened

log = logging.getLogger(__name__)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SHOWN = 4  # names in a message


def number_in(name: str) -> float | None:
    """The number that a name is; None for other names."""
    return float(name) if _NUMBER.fullmatch(name) else None


def natural_order(names: Iterable[str]) -> list[str]:
    """Names in the order in which a person counts: 1, 2, 10; class2, class10; otherwise by their letters.

    Where all names are numbers they are in the order of their values, -1 before 0.5 before 1.
    """
    names = list(names)
    if all(number_in(name) is not None for name in names):
        return sorted(names, key=lambda name: (number_in(name), name))
    return sorted(names, key=lambda name: (_parts(name), name))


def matching(name: str, names: Sequence[str]) -> str | None:
    """The one of several class names that a name stands for: the same text or, where no other is, the same number.

    `1.0` and `01` stand for `1`: a table in which a value is missing is often written so.
    """
    if name in names:
        return name
    number = number_in(name)
    same = [other for other in names if number is not None and number_in(other) == number]
    return same[0] if len(same) == 1 else None


def in_known_order(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The order in which a network knows these classes; their own order where it knows others."""
    return tuple(known) if set(names) == set(known) else tuple(names)


def some_names(names: Sequence[str]) -> str:
    """The first of several class names, for a message of one line, and how many more there are."""
    return shortened([one_line(name) for name in names], _SHOWN)


def warn_of_absent_classes(
    labels: Mapping[str, Tensor], names: Sequence[str], items: str = "items", is_trained: bool = False
) -> None:
    """Log, in one line, the classes of which a split has no item, and those that have one item in all.

    Args:
        labels: class indices (N,) of each split; a split without any is not there.
        names: of the classes.
        items: word for the items, such as rows or images.
        is_trained: whether a network is evaluated on these data, so that those to train on do not matter.
    """
    counts = {split: of.bincount(minlength=len(names)) for split, of in labels.items() if len(of)}
    counts.pop("new", None)  # items that a run did not have
    if is_trained:
        counts.pop("train", None)
    found = []
    for split, of in counts.items():
        absent = [names[label] for label in (of == 0).nonzero().flatten().tolist()]
        if absent:
            found.append(f"{split} has no {items} of {some_names(absent)}")
    if not found:
        return
    total = torch.stack(list(counts.values())).sum(dim=0)
    single = [names[label] for label in (total == 1).nonzero().flatten().tolist()]
    if single and not is_trained:
        have = f"{len(single)} classes have" if len(single) > 1 else "1 class has"
        found.append(f"{have} a single one, which can be in one split only ({some_names(single)})")
    log.warning("data: %s", "; ".join(found))


def warn_of_alike(names: Sequence[str], where: str) -> None:
    """Log the names that differ only in case, in blanks or as numbers are written, as `cat` and `Cat`, `1` and `01`."""
    groups = dict[object, list[str]]()
    for name in names:
        number = number_in(name)
        groups.setdefault("".join(name.split()).casefold() if number is None else number, []).append(name)
    alike = [f"{one_line(group[0])} and {one_line(group[1])}" for group in groups.values() if len(group) > 1]
    if alike:
        log.warning("%s: %s are different classes; if they are the same, write them alike", where, some_names(alike))


def _parts(name: str) -> list[tuple[int, int, str]]:
    """Digits compare as numbers, and come before letters as they do among characters."""
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
