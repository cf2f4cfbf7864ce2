import hashlib
import json

import pytest
import torch
from torch import Tensor

from leyden.data.splits import count, nothing_left, stratified_split
from leyden.system.errors import UserError


def made_labels(*sizes: int) -> Tensor:
    """`sizes[c]` items of each class c, in a fixed mixed order."""
    labels = torch.cat([torch.full((size,), label) for label, size in enumerate(sizes)])
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))]


LABELS = {
    "even": made_labels(*[30] * 10),
    "uneven": made_labels(500, 90, 9, 1),
    "one class": made_labels(50),
    "an empty class": made_labels(20, 0, 7),
    "one of each": made_labels(*[1] * 12),
    "one item": made_labels(1),
}
SHARES = [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0]
every_labelling = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, 0), (1, 1), (7, 7), (200, 200), (7.0, 7), (0.1, 20), (0.5, 100), (0.999, 200), (0.0, 0)],
)
def test_a_size_is_a_count_or_a_fraction_below_one(size: float, expected: int) -> None:
    assert count(size, 200, "data.val_size") == expected


@pytest.mark.parametrize("size", [2.5, 1.01, 199.5, -0.5])
def test_a_size_that_is_neither_count_nor_fraction_is_refused(size: float) -> None:
    with pytest.raises(UserError, match=rf"^data\.val_size={size}: must be a whole number"):
        count(size, 200, "data.val_size")


@pytest.mark.parametrize("size", [201, 10**9])
def test_more_than_there_is_is_refused(size: int) -> None:
    with pytest.raises(UserError, match=rf"^data\.train_size={size}: there are only 200"):
        count(size, 200, "data.train_size")


@every_labelling
@pytest.mark.parametrize("share", SHARES)
def test_the_two_parts_are_disjoint_and_complete(labels: Tensor, share: float) -> None:
    size = round(share * len(labels))
    left, taken = stratified_split(labels, size, seed=3)
    assert len(taken) == size
    assert torch.equal(torch.cat([left, taken]).sort().values, torch.arange(len(labels)))
    assert torch.equal(left, left.sort().values)
    assert torch.equal(taken, taken.sort().values)


@every_labelling
@pytest.mark.parametrize("share", SHARES)
def test_each_class_has_its_share_to_within_one_item(labels: Tensor, share: float) -> None:
    size = round(share * len(labels))
    for seed in range(5):
        _, taken = stratified_split(labels, size, seed)
        fair = torch.bincount(labels) * size / len(labels)
        assert ((torch.bincount(labels[taken], minlength=len(fair)) - fair).abs() <= 1).all()


@pytest.mark.parametrize("size", range(13))
def test_every_small_size_is_met_exactly(size: int) -> None:
    assert len(stratified_split(made_labels(7, 3, 2), size, seed=0)[1]) == size


def test_the_split_is_a_function_of_its_seed_only() -> None:
    labels = LABELS["uneven"]
    splits = []
    for anything in (0, 1, 12345):
        torch.manual_seed(anything)
        torch.rand(anything % 7)
        splits.append(stratified_split(labels, 60, seed=5)[1])
    assert torch.equal(splits[0], splits[1])
    assert torch.equal(splits[0], splits[2])
    assert not torch.equal(splits[0], stratified_split(labels, 60, seed=6)[1])


def test_the_split_leaves_the_global_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    stratified_split(LABELS["uneven"], 60, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_which_items_are_taken_is_random_within_a_class() -> None:
    chosen = torch.stack([stratified_split(made_labels(10), 5, seed)[1] for seed in range(200)])
    often = torch.bincount(chosen.flatten(), minlength=10)
    assert (often > 60).all()  # each of the ten about a hundred times


def test_the_split_of_existing_projects_has_not_moved() -> None:
    # A change here means that results from before and after are not of the same validation set.
    _, taken = stratified_split(torch.arange(1000) % 7 % 5, 100, seed=0)
    assert hashlib.sha256(json.dumps(taken.tolist()).encode()).hexdigest()[:16] == "fbb03ae9fdb66a18"


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5, 9, 100])
@pytest.mark.parametrize("names", [["test_size", "val_size"], ["val_size"], ["test_size"]])
def test_the_sizes_that_are_proposed_leave_items_to_train_on(total: int, names: list[str]) -> None:
    message = str(nothing_left(total, dict.fromkeys(names, 0.9)))
    proposed = dict(word.split("=") for word in message.partition("add ")[2].split())
    sizes = [count(int(size), total, name) for name, size in proposed.items()]
    assert [*proposed] == [f"data.{name}" for name in names]
    assert sum(sizes) < total
    assert any(sizes) or total == 1


def test_no_size_is_proposed_where_there_is_nothing_to_divide() -> None:
    assert "add " not in str(nothing_left(0, {"val_size": 0.1}))
    assert str(nothing_left(9, {"train_size": 0})).endswith("add data.train_size=null for all that is left")
