"""Seeded splits: of a share, or into folds."""

from collections.abc import Mapping

import torch
from torch import Tensor

from leyden.system.errors import UserError
from leyden.system.seeds import seed_for


def count(size: int | float, total: int, name: str) -> int:
    """A size given as a count or, below 1, as a fraction of `total`, which is one at least.

    Raises:
        UserError: more than there is, or a number such as 2.5 that is neither.
    """
    number = max(1, round(size * total)) if 0 < size < 1 else int(size)
    if number != size and not 0 < size < 1:
        raise UserError(f"{name}={size}: must be a whole number, or a fraction between 0 and 1")
    if number > total:
        raise UserError(f"{name}={size}: there are only {total} to take from")
    return number


def stratified_split(labels: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Split item indices in two so that each class has the same share in both, to within one item.

    Args:
        labels: (N,) class indices; all the same where there are no classes.
        size: how many items the second part gets.
        seed: decides which; nothing else does.

    Returns:
        The indices of the N − size items left, and of the `size` items taken, each in ascending order.
    """
    by_class = _by_class(labels, seed)
    # Classes lie one behind the other: an evenly spaced choice takes the same share of each.
    evenly = (torch.arange(size, dtype=torch.float64) + 0.5) * len(labels) / max(size, 1)
    return _in_two(by_class[evenly.long()], len(labels))


def fold_split(labels: Tensor, fold: int, folds: int, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out one of several equal parts, in each of which a class has the same share, to within one item.

    Args:
        labels: (N,) class indices; all the same where there are no classes.
        fold: which part, from 0.
        folds: how many there are; together they are the whole.
        seed: decides which items go where; nothing else does.

    Returns:
        The indices of the other parts, and of this one, each in ascending order.

    Raises:
        UserError: no such fold, or fewer items than folds.
    """
    if not 0 <= fold < folds:
        raise UserError(f"data.fold={fold}: must be between 0 and {folds - 1}, as data.folds={folds}")
    if not 2 <= folds <= len(labels):
        raise UserError(f"data.folds={folds}: must be between 2 and {len(labels)}, the number of items")
    return _in_two(_by_class(labels, seed)[fold::folds], len(labels))


def nothing_left(total: int, sizes: Mapping[str, float]) -> UserError:
    """The error where no item is left to train on, with sizes that leave some.

    Args:
        total: how many items there were to take from.
        sizes: the settings of data with which they were taken.
    """
    named = ", ".join(f"data.{name}={size}" for name, size in sizes.items()) or "data"
    if "train_size" in sizes:
        return UserError(f"{named}: nothing is left to train on; add data.train_size=null for all that is left")
    size = max(1, total // 5)
    held_out = max(0, (total - 1) // size)  # how many parts of this size leave an item
    instead = [f"data.{name}={size * (len(sizes) - place <= held_out)}" for place, name in enumerate(sizes)]
    remedy = f"of {total}, add {' '.join(instead)}" if total and instead else "there must be an item in that part"
    return UserError(f"{named}: nothing is left to train on; {remedy}")


def _by_class(labels: Tensor, seed: int) -> Tensor:
    """Item indices, one class behind the other, each in a random order."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed_for(seed, "split")))
    if (labels == labels[:1]).all():  # without classes there is nothing to sort, in what may be millions
        return shuffled
    return shuffled[torch.argsort(labels[shuffled], stable=True)]


def _in_two(chosen: Tensor, total: int) -> tuple[Tensor, Tensor]:
    taken = torch.zeros(total, dtype=torch.bool)
    taken[chosen] = True
    return (~taken).nonzero().flatten(), taken.nonzero().flatten()
