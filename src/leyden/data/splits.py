"""Seeded, stratified splits into training, validation and test items, of given sizes or in folds."""

from collections.abc import Mapping

import torch
from torch import Tensor

from leyden.system.errors import UserError
from leyden.system.seeds import seed_for


def draw_splits(
    labels: Tensor,
    parts: Mapping[str, Tensor],
    sizes: Mapping[str, float | None],
    fold: int | None,
    folds: int,
    seed: int,
) -> dict[str, Tensor]:
    """Items of train, val and test. A split that is not among the parts is taken from train: test first, then val.

    Args:
        labels: (N,) class indices of all items; all the same without classes.
        parts: the items (M,) of each part that the data come in.
        sizes: of test, val and train, as counts or fractions; None to train on all that are left.
        fold: index of the part that is held out, as val if there is a test part and as test otherwise; None for none.
        folds: number of parts.
        seed: the only source of randomness.

    Raises:
        UserError: a size is more than there is, or no item is left to train on.
    """

    def take(items: Tensor, split: str, size: float) -> tuple[Tensor, Tensor]:
        left, taken = stratified_split(labels[items], count(size, len(items), f"data.{split}_size"), seed)
        return items[left], items[taken]

    rest, drawn = parts["train"], {split: items for split, items in parts.items() if split != "train"}
    if fold is not None:
        if len(drawn) == 2:
            rest = torch.cat([rest, drawn.pop("val")])
        left, held_out = fold_split(labels[rest], fold, folds, seed)
        rest, drawn["val" if "test" in drawn else "test"] = rest[left], rest[held_out]
    total, used = len(rest), dict[str, float]()
    for split in ("test", "val"):
        if split not in drawn:
            size = sizes[split] or 0
            used |= {f"{split}_size": size} if size or split == "val" else {}
            rest, drawn[split] = take(rest, split, size)
    if (train_size := sizes["train"]) is not None:
        rest = take(rest, "train", train_size)[1]
    if not len(rest):
        raise nothing_left(total, used if sizes["train"] != 0 else {"train_size": 0})
    return {"train": rest, "val": drawn["val"], "test": drawn["test"]}


def count(size: int | float, total: int, name: str) -> int:
    """Number of items for a size: a count or, below 1, a fraction of `total`, then at least one.

    Raises:
        UserError: more than there are, or a number such as 2.5 that is neither.
    """
    number = max(1, round(size * total)) if 0 < size < 1 else int(size)
    if number != size and not 0 < size < 1:
        raise UserError(f"{name}={size}: must be a whole number, or a fraction between 0 and 1")
    if number > total:
        raise UserError(f"{name}={size}: there are only {total} to take from")
    return number


def stratified_split(labels: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Split item indices in two, with the same share of each class in both, to within one item.

    Args:
        labels: (N,) class indices; all the same without classes.
        size: of the second part.
        seed: the only source of randomness.

    Returns:
        The indices of the N − size items left, and of the `size` items taken, each in ascending order.
    """
    by_class = _by_class(labels, seed)
    # The items are sorted by class: an evenly spaced choice takes the same share of each.
    evenly = (torch.arange(size, dtype=torch.float64) + 0.5) * len(labels) / max(size, 1)
    return _in_two(by_class[evenly.long()], len(labels))


def fold_split(labels: Tensor, fold: int, folds: int, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out one of several equal parts, each with the same share of each class, to within one item.

    Args:
        labels: (N,) class indices; all the same without classes.
        fold: index of the part, from 0.
        folds: number of parts, which together are the whole.
        seed: the only source of randomness.

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
    """The error that no item of `total` is left to train on, with sizes that leave some in place of these."""
    named = ", ".join(f"data.{name}={size}" for name, size in sizes.items()) or "data"
    if "train_size" in sizes:
        return UserError(f"{named}: nothing is left to train on; add data.train_size=null for all that is left")
    size = max(1, total // 5)
    held_out = max(0, (total - 1) // size)  # number of parts of this size that leave an item
    instead = [f"data.{name}={size * (len(sizes) - place <= held_out)}" for place, name in enumerate(sizes)]
    remedy = f"of {total}, add {' '.join(instead)}" if total and instead else "there must be an item in that part"
    return UserError(f"{named}: nothing is left to train on; {remedy}")


def _by_class(labels: Tensor, seed: int) -> Tensor:
    """Item indices sorted by class, in random order within each."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed_for(seed, "split")))
    if (labels == labels[:1]).all():  # nothing to sort, in possibly millions of items
        return shuffled
    return shuffled[torch.argsort(labels[shuffled], stable=True)]


def _in_two(chosen: Tensor, total: int) -> tuple[Tensor, Tensor]:
    taken = torch.zeros(total, dtype=torch.bool)
    taken[chosen] = True
    return (~taken).nonzero().flatten(), taken.nonzero().flatten()
