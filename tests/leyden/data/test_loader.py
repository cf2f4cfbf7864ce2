import itertools

import pytest
import torch
from torch import Generator, Tensor

from leyden.data.loader import TensorLoader, Transform

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 25]


def unchanged(inputs: Tensor, generator: Generator) -> Tensor:
    return inputs


def random_numbers(inputs: Tensor, generator: Generator) -> Tensor:
    return torch.rand(4, generator=generator, device=generator.device)


def make(
    total: int,
    batch_size: int = 4,
    transform: Transform = unchanged,
    *,
    shuffle: bool = False,
    seed: int = 0,
    epoch: int = 0,
    rank: int = 0,
    world_size: int = 1,
    start: int = 0,
) -> TensorLoader:
    """A loader of the items 0 … total − 1, whose inputs are ten times the item."""
    items = torch.arange(total)
    return TensorLoader(
        items[:, None] * 10,
        items,
        batch_size,
        transform,
        shuffle=shuffle,
        seed=seed,
        epoch=lambda: epoch,
        start=lambda: start,
        rank=rank,
        world_size=world_size,
    )


def batches(loader: TensorLoader) -> list[list[int]]:
    return [targets.tolist() for _, targets in loader]


def items(*loaders: TensorLoader) -> list[int]:
    return [item for loader in loaders for batch in batches(loader) for item in batch]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("total", [1, 4, 11, 12])
def test_an_epoch_gives_every_item_once(total: int, shuffle: bool) -> None:
    assert sorted(items(make(total, shuffle=shuffle))) == list(range(total))


@pytest.mark.parametrize("shuffle", [False, True])
def test_inputs_stay_with_their_targets(shuffle: bool) -> None:
    for inputs, targets in make(11, shuffle=shuffle):
        assert torch.equal(inputs, targets[:, None] * 10)


@pytest.mark.parametrize(
    ("total", "batch_size", "shuffle"), [*itertools.product(SIZES, [1, 2, 3, 4, 30], [False, True])]
)
def test_len_is_the_number_of_batches(total: int, batch_size: int, shuffle: bool) -> None:
    loader = make(total, batch_size, shuffle=shuffle)
    sizes = [len(batch) for batch in batches(loader)]
    assert len(loader) == len(sizes)
    assert all(size == batch_size for size in sizes[:-1])
    assert 1 <= sizes[-1] <= batch_size + shuffle


def test_without_shuffling_items_come_as_stored() -> None:
    assert items(make(11)) == list(range(11))


def test_each_epoch_has_a_new_order_and_the_same_one_when_it_comes_again() -> None:
    orders = [items(make(40, shuffle=True, epoch=epoch)) for epoch in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    torch.manual_seed(99)  # nothing else decides
    assert orders == [items(make(40, shuffle=True, epoch=epoch)) for epoch in range(5)]
    assert orders[0] != items(make(40, shuffle=True, seed=1))


def test_the_epoch_is_asked_when_an_iteration_begins() -> None:
    epoch = 0
    stored = torch.arange(40)
    loader = TensorLoader(stored, stored, 4, unchanged, shuffle=True, epoch=lambda: epoch)
    first = items(loader)
    epoch = 1
    assert items(loader) == items(make(40, shuffle=True, epoch=1)) != first


def test_a_transform_meets_the_same_random_numbers_whatever_came_before() -> None:
    expected = [numbers for numbers, _ in make(20, transform=random_numbers, shuffle=True, epoch=3)]

    again = make(20, transform=random_numbers, shuffle=True, epoch=3)
    partly = iter(again)
    next(partly)
    next(partly)
    torch.rand(5)
    assert torch.equal(torch.stack(expected), torch.stack([numbers for numbers, _ in again]))
    assert torch.equal(torch.stack(expected), torch.stack([numbers for numbers, _ in again]))

    greedy = make(
        20, transform=lambda x, g: torch.stack([random_numbers(x, g) for _ in range(3)])[0], shuffle=True, epoch=3
    )
    assert torch.equal(torch.stack(expected), torch.stack([numbers for numbers, _ in greedy]))


def test_random_numbers_differ_between_seeds_epochs_batches_and_processes() -> None:
    drawn = [
        tuple(numbers.tolist())
        for seed, epoch, rank in itertools.product(range(2), range(3), range(2))
        for numbers, _ in make(24, transform=random_numbers, seed=seed, epoch=epoch, rank=rank, world_size=2)
    ]
    assert len(drawn) == len(set(drawn)) == 2 * 3 * 2 * 3


def test_iterating_leaves_the_global_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    items(make(20, transform=random_numbers, shuffle=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_last_batch_of_one_is_joined_to_the_one_before_in_training() -> None:
    assert [len(batch) for batch in batches(make(13, 4, shuffle=True))] == [4, 4, 5]
    assert [len(batch) for batch in batches(make(5, 4, shuffle=True))] == [5]
    assert [len(batch) for batch in batches(make(13, 4, shuffle=False))] == [4, 4, 4, 1]


@pytest.mark.parametrize(("total", "batch_size"), [*itertools.product(SIZES, [1, 2, 3, 4, 30])])
def test_an_epoch_of_training_leaves_out_no_item(total: int, batch_size: int) -> None:
    assert sorted(items(make(total, batch_size, shuffle=True))) == list(range(total))


def test_batches_of_one_that_were_asked_for_are_kept() -> None:
    assert sorted(items(make(5, batch_size=1, shuffle=True))) == list(range(5))
    assert items(make(1, batch_size=4, shuffle=True)) == [0]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 30])
@pytest.mark.parametrize(("total", "world_size"), [*itertools.product(range(1, 30), [1, 2, 3])])
def test_training_processes_have_equal_steps_and_together_see_every_item_once(
    total: int, world_size: int, batch_size: int
) -> None:
    ranks = [make(total, batch_size, shuffle=True, rank=rank, world_size=world_size) for rank in range(world_size)]
    sizes = [[len(batch) for batch in batches(loader)] for loader in ranks]
    assert {len(loader) for loader in ranks} == {len(of) for of in sizes} == {len(sizes[0])}
    assert all(size == batch_size for of in sizes for size in of[:-1])
    last = [of[-1] for of in sizes]
    assert max(last) - min(last) <= 1
    assert min(last) >= min(2, batch_size, -(-total // world_size))  # BatchNorm cannot train on one
    seen = items(*ranks)
    assert set(seen) == set(range(total))
    twice = -total % world_size if total < 2 * world_size else 0
    assert len(seen) == total + twice


@pytest.mark.parametrize(("total", "world_size"), [(1, 2), (1, 3), (2, 3), (2, 5)])
def test_fewer_items_than_processes_still_give_each_process_one(total: int, world_size: int) -> None:
    ranks = [make(total, shuffle=True, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert [[len(batch) for batch in batches(loader)] for loader in ranks] == [[1]] * world_size
    assert set(items(*ranks)) == set(range(total))


@pytest.mark.parametrize(("total", "world_size"), [*itertools.product([1, 2, 6, 7, 8, 23, 24], [1, 2, 3])])
def test_evaluation_counts_each_item_once_over_all_processes(total: int, world_size: int) -> None:
    ranks = [make(total, 3, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert sorted(items(*ranks)) == list(range(total))
    assert [len(loader) for loader in ranks] == [len(batches(loader)) for loader in ranks]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("start", range(6))
@pytest.mark.parametrize("rank", [0, 1])
def test_an_epoch_that_was_left_in_its_middle_goes_on_with_the_batch_that_was_next(
    start: int, shuffle: bool, rank: int
) -> None:
    whole, rest = (
        list(make(39, 4, random_numbers, shuffle=shuffle, seed=1, epoch=2, rank=rank, world_size=2, start=first))
        for first in (0, start)
    )
    assert len(rest) == len(whole) - start
    for (numbers, targets), (again, of) in zip(whole[start:], rest, strict=True):
        assert torch.equal(numbers, again)
        assert torch.equal(targets, of)
    assert len(make(39, 4, start=start)) == 10, "the epoch is as long as ever"


def test_an_epoch_of_which_nothing_is_left_is_empty() -> None:
    assert batches(make(12, 4, start=3)) == batches(make(12, 4, start=9)) == []


def test_where_to_begin_is_asked_anew_by_each_iteration() -> None:
    starts = iter([2, 0])
    stored = torch.arange(12)
    loader = TensorLoader(stored, stored, 4, unchanged, start=lambda: next(starts))
    assert [items(loader), items(loader)] == [list(range(8, 12)), list(range(12))]
