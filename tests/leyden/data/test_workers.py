import gc
import multiprocessing
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from leyden.data.threads import in_threads
from leyden.data.workers import WorkerLoader
from leyden.system.errors import UserError


def unchanged(inputs: Tensor, generator: Generator) -> Tensor:
    return inputs


def item(number: int) -> Tensor:
    """The item's number, and what it draws from each global generator."""
    return torch.tensor([number, torch.rand(()), random.random(), np.random.rand()], dtype=torch.float64)


def broken(number: int) -> Tensor:
    if number == 105:
        raise UserError("item 105: cannot be read; delete it")
    return torch.tensor([number])


def fatal(number: int) -> Tensor:
    if number == 105:
        os._exit(3)
    return torch.tensor([number])


def make(
    workers: int = 0, total: int = 22, what: Callable[[int], Tensor] = item, batch_size: int = 4, **order: Any
) -> WorkerLoader:
    """A loader of the items 100, 101, …, with targets 0, 1, …"""
    order = {"shuffle": True, "epoch": lambda: 0} | order
    return WorkerLoader(
        what, torch.arange(100, 100 + total), torch.arange(total), batch_size, unchanged, workers, **order
    )


def epoch(loader: WorkerLoader) -> list[tuple[list[Any], list[int]]]:
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in loader]


def test_batches_are_the_same_bits_with_any_number_of_workers() -> None:
    expected = epoch(make(0))
    assert len(expected) == len(make(0)) == 6
    for workers in (1, 2, 3):
        loader = make(workers)
        assert epoch(loader) == expected
        assert epoch(loader) == expected  # by the same workers again
        loader.close()


def test_each_item_comes_once_with_its_target() -> None:
    batches = epoch(make(0))
    drawn = [(int(one[0]), target) for inputs, targets in batches for one, target in zip(inputs, targets, strict=True)]
    assert sorted(drawn) == [(100 + number, number) for number in range(22)]
    assert drawn != sorted(drawn)


def test_the_numbers_an_item_draws_are_those_of_its_seed_epoch_and_number() -> None:
    def drawn(**order: Any) -> dict[int, tuple[float, ...]]:
        return {int(one[0]): tuple(one[1:]) for inputs, _ in epoch(make(**order)) for one in inputs}

    first = drawn()
    assert drawn(shuffle=False) == drawn(batch_size=6) == first  # in another order, in other batches
    random.seed(4), np.random.seed(4), torch.manual_seed(4)
    assert drawn() == first
    later, other = drawn(epoch=lambda: 1), drawn(seed=1)
    for place in range(3):  # torch, random, numpy
        assert len({numbers[place] for held in (first, later, other) for numbers in held.values()}) == 66


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_that_starts_in_the_middle_gives_what_one_from_the_start_gives(workers: int) -> None:
    from_start = make(workers, epoch=None)
    epochs = [epoch(from_start) for _ in range(3)]
    assert epoch(make(workers, epoch=lambda: 2)) == epochs[2] != epochs[1]
    from_start.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_global_random_numbers_are_left_alone(workers: int) -> None:
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    loader = make(workers)
    epoch(loader)
    loader.close()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_an_iteration_that_was_left_in_the_middle_neither_hangs_nor_leaves_anything_to_the_next() -> None:
    expected = epoch(make(0))
    loader = make(2)
    for taken in (1, 3, 0):
        iteration = iter(loader)
        for _ in range(taken):
            next(iteration)
        assert epoch(loader) == expected
    held = iter(loader)
    next(held)
    loader.close()  # with an iteration still open
    assert multiprocessing.active_children() == []
    assert epoch(loader) == expected
    loader.close()


def test_two_iterations_at_once_are_refused_not_mixed() -> None:
    loader = make(0)
    first, second = iter(loader), iter(loader)
    next(first), next(second)
    with pytest.raises(RuntimeError, match="another iteration"):
        next(first)


def test_workers_are_kept_for_the_next_epoch_and_end_with_the_loader() -> None:
    loader = make(2)
    epoch(loader)
    children = {child.pid for child in multiprocessing.active_children()}
    assert len(children) == 2
    epoch(loader)
    assert {child.pid for child in multiprocessing.active_children()} == children
    loader.close()
    assert multiprocessing.active_children() == []
    loader.close()
    epoch(loader)
    del loader
    gc.collect()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mistake_met_in_a_worker_is_the_same_one_line(workers: int) -> None:
    loader = make(workers, what=broken)
    with pytest.raises(UserError) as refusal:
        epoch(loader)
    assert str(refusal.value) == "item 105: cannot be read; delete it"
    loader.close()


def test_a_worker_that_is_killed_is_one_line() -> None:
    loader = make(2, what=fatal)
    with pytest.raises(UserError, match=r"^data\.num_workers=2: DataLoader worker [^\n]*; try fewer, or 0$"):
        epoch(loader)
    loader.close()


def test_results_of_threads_come_in_order_and_errors_come_through() -> None:
    assert list(in_threads(lambda number: number * 2, range(1000), "x")) == list(range(0, 2000, 2))
    assert list(in_threads(str, [], "x")) == []
    with pytest.raises(UserError, match="item 105"):
        list(in_threads(broken, range(1000), "x"))


def test_processes_of_a_run_each_make_their_own_items(tmp_path: Path) -> None:
    ranks = [epoch(make(0, rank=rank, world_size=2)) for rank in range(2)]
    seen = [sorted(target for _, targets in batches for target in targets) for batches in ranks]
    assert sorted(seen[0] + seen[1]) == list(range(22))
