"""Data sets of torch, and the arguments of its DataLoader."""

import random
from itertools import chain, islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, Dataset, RandomSampler, TensorDataset, WeightedRandomSampler

from leyden import UserError
from leyden.data.datasets import Datasets
from leyden.data.item_loader import ItemLoader


class Numbers(Dataset[Any]):
    """Item n is (n, n modulo 2, a random number of torch, NumPy and Python)."""

    def __init__(self, size: int = 50) -> None:
        self.size, self.targets = size, [n % 2 for n in range(size)]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        drawn = torch.tensor([torch.rand(()).item(), np.random.rand(), random.random()])
        return torch.tensor([float(index)]), index % 2, drawn


def datasets(**settings: Any) -> Datasets:
    made = Datasets(Numbers(), **{"val_size": 10, "test_size": 10, "batch_size": 8, **settings})
    made.setup("fit")
    return made


def indices(loader: Any) -> list[int]:
    return [int(value) for batch in loader for value in batch[0]]


def loader(made: Datasets, split: str = "train", **order: Any) -> Any:
    return made.loader(split, **{"shuffle": True, "seed": 1, "epoch": lambda: 3, **order})


def test_splits_are_disjoint_and_stratified() -> None:
    made = datasets()
    found = [indices(made.loader(split)) for split in ("train", "val", "test")]
    assert sorted(chain(*found)) == list(range(50))
    assert [sum(n % 2 for n in of) for of in found] == [15, 5, 5]


def test_splits_of_their_own_stay_apart() -> None:
    made = Datasets(Numbers(30), val=Numbers(7), test=Numbers(5), batch_size=8)
    made.setup("fit")
    assert [len(made.rows[split]) for split in ("train", "val", "test")] == [30, 7, 5]
    assert indices(made.loader("val")) == list(range(7))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_order_and_random_numbers_depend_on_seed_and_epoch_only(num_workers: int) -> None:
    made = datasets(num_workers=num_workers)
    whole = list(loader(made))
    rest = list(loader(made, start=lambda: 2))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(whole[2:], rest, strict=True))
    assert all(torch.equal(one[2], other[2]) for one, other in zip(whole[2:], rest, strict=True))
    assert indices(loader(made, epoch=lambda: 4)) != indices(whole)
    alone = list(loader(datasets()))
    assert all(torch.equal(one[2], other[2]) for one, other in zip(whole, alone, strict=True))


def test_drop_last_leaves_out_an_incomplete_batch_of_training_only() -> None:
    made = datasets(drop_last=True)
    assert [len(batch[0]) for batch in loader(made)] == [8] * 3
    assert len(loader(made)) == 3
    assert [len(batch[0]) for batch in made.loader("val")] == [10]


def test_a_sampler_sets_the_order_and_a_function_makes_one_of_the_training_items() -> None:
    weights = [1.0] + [0.0] * 29
    made = datasets(sampler=WeightedRandomSampler(weights, 20))
    assert len(set(indices(loader(made)))) == 1
    assert len(loader(made)) == 3
    of_items = datasets(sampler=lambda items: RandomSampler(items, replacement=True, num_samples=7))
    assert indices(loader(of_items)) == indices(loader(of_items))
    assert indices(loader(of_items)) != indices(loader(of_items, epoch=lambda: 4))


def test_a_batch_sampler_makes_the_batches() -> None:
    made = datasets(batch_sampler=lambda items: BatchSampler(RandomSampler(items), 5, drop_last=False))
    assert [len(batch[0]) for batch in loader(made)] == [5] * 6
    assert sorted(indices(loader(made))) == sorted(indices(made.loader("train")))
    assert indices(islice(loader(made, start=lambda: 4), 2)) == indices(loader(made))[20:]


def test_a_sampler_of_more_items_than_there_are_is_refused() -> None:
    with pytest.raises(UserError, match=r"data.sampler: draws item 49, and there are 30 to train on"):
        list(loader(datasets(sampler=[49])))


def test_a_collate_function_makes_the_batches() -> None:
    made = datasets(collate_fn=lambda items: {"x": torch.stack([item[0] for item in items]), "n": len(items)})
    batch = next(iter(loader(made)))
    assert batch["x"].shape == (8, 1)
    assert batch["n"] == 8


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 3.0), ("prefetch_factor", 4), ("multiprocessing_context", "fork")]
)
def test_arguments_of_workers_reach_torch_and_need_workers(name: str, value: Any) -> None:
    made = datasets(num_workers=1, **{name: value})
    inner = loader(made)._workers
    found = getattr(inner, name)
    assert (found.get_start_method() if name == "multiprocessing_context" else found) == value
    with pytest.raises(UserError, match=rf"data\.{name}=.*: needs worker processes; add data\.num_workers=2"):
        datasets(**{name: value})


def test_a_function_is_called_in_each_worker(tmp_path: Any) -> None:
    made = datasets(num_workers=2, worker_init_fn=lambda worker: (tmp_path / str(worker)).touch())
    list(loader(made))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_memory_is_pinned_as_set() -> None:
    assert loader(datasets(pin_memory=True))._workers.pin_memory
    assert not loader(datasets())._workers.pin_memory  # without a GPU


def test_processes_get_their_own_items() -> None:
    made = datasets()
    parts = [indices(loader(made, rank=rank, world_size=2)) for rank in range(2)]
    assert sorted(chain(*parts)) == sorted(indices(made.loader("train")))


def test_a_data_set_of_tensors_lists_its_classes() -> None:
    made = Datasets(TensorDataset(torch.zeros(20, 4), torch.arange(20) % 5), test_size=5, val_size=5)
    made.setup("fit")
    assert made.spec.output_size == 5
    assert "float32 4, 5 classes" in made.describe()


def test_a_sample_is_made_in_this_process() -> None:
    made = datasets(num_workers=2)
    assert [int(value) for value in made.sample(2)[0]] == indices(made.loader("train"))[:2]
    assert isinstance(made.loader("train"), ItemLoader)


def test_processes_have_as_many_batches_where_the_last_is_dropped() -> None:
    made = Datasets(Numbers(257), val_size=0, test_size=0, batch_size=43, drop_last=True)
    made.setup("fit")
    assert {len(loader(made, rank=rank, world_size=2)) for rank in range(2)} == {2}


def test_only_labels_that_the_items_have_are_classes() -> None:
    third = Datasets(TensorDataset(torch.zeros(20, 4), torch.arange(20) % 3, torch.arange(20)), val_size=2, test_size=2)
    third.setup("fit")
    assert third.spec.output_size == 3

    class Changed(Numbers):
        def __getitem__(self, index: int) -> Any:
            return torch.zeros(2), 1 - index % 2

    changed = Changed()
    changed.targets = [n % 10 for n in range(50)]
    made = Datasets(changed, val_size=5, test_size=5)
    made.setup("fit")
    assert made.spec.output_size == 2
