"""Seeded splits."""

import torch
from torch import Tensor

from leyden.errors import UserError
from leyden.seeds import seed_for


def count(size: int | float, total: int, name: str) -> int:
    """A size given as a count or, below 1, as a fraction of `total`.

    Raises:
        UserError: more than there is, or a number such as 2.5 that is neither.
    """
    number = round(size * total) if 0 < size < 1 else int(size)
    if number != size and not 0 < size < 1:
        raise UserError(f"{name}={size}: must be a whole number, or a fraction between 0 and 1")
    if number > total:
        raise UserError(f"{name}={size}: there are only {total} to take from")
    return number


def stratified_split(labels: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Split item indices in two so that each class has the same share in both, to within one item.

    Args:
        labels: (N,) class indices.
        size: how many items the second part gets.
        seed: decides which; nothing else does.

    Returns:
        The indices of the N − size items left, and of the `size` items taken, each in ascending order.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "split"))
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    # Classes lie one behind the other: an evenly spaced choice takes the same share of each.
    evenly = (torch.arange(size, dtype=torch.float64) + 0.5) * len(labels) / max(size, 1)
    taken = torch.zeros(len(labels), dtype=torch.bool)
    taken[by_class[evenly.long()]] = True
    return (~taken).nonzero().flatten(), taken.nonzero().flatten()
