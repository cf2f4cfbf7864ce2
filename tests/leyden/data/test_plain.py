from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, random_split

from leyden import UserError
from leyden.data.plain import PlainData, as_datamodule


class Random(L.LightningDataModule):
    """Splits at random in each call of `setup`, as many do."""

    def __init__(self, batch_size: int = 10) -> None:
        super().__init__()
        self.batch_size, self.calls = batch_size, list[str]()

    def prepare_data(self) -> None:
        self.calls.append("prepare_data")

    def setup(self, stage: str) -> None:
        self.calls.append(stage)
        data = TensorDataset(torch.arange(60.0)[:, None], torch.arange(60) % 3)
        self.train, self.val = random_split(data, [40, 20])

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, batch_size=self.batch_size)


def plain(seed: int = 0, **settings: Any) -> PlainData:
    made = PlainData(Random(), settings, seed)
    made.prepare_data()
    made.setup("fit")
    return made


def rows(data: PlainData, split: str = "train") -> list[int]:
    return [int(value) for batch in data.loader(split) for value in batch[0]]


def test_a_random_split_is_the_same_for_each_stage_and_process_and_follows_the_seed() -> None:
    data = plain()
    before = rows(data, "val")
    data.setup("test")
    assert rows(data, "val") == before
    assert rows(plain(), "val") == before
    assert rows(plain(seed=1), "val") != before


def test_each_method_is_called_once_for_a_stage() -> None:
    data = plain()
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert data.inner.calls == ["prepare_data", "fit", "test"]
    data.teardown("fit")
    data.setup("fit")
    assert data.inner.calls[-1] == "fit"


def test_the_global_random_numbers_stay_as_they_are() -> None:
    torch.manual_seed(5)
    plain().spec  # noqa: B018  # it makes a batch
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


def test_its_spec_is_inferred_or_set() -> None:
    assert (plain().spec.output_size, plain().spec.input_shape) == (3, (1,))
    assert plain(output_size=7).spec.output_size == 7
    assert "Random: 40 train, 20 val; float32 1, 3 classes" in plain().describe()


def test_a_split_that_it_does_not_have_is_empty() -> None:
    assert plain().test_dataloader() == []


def test_training_items_are_evaluated_in_their_stored_order() -> None:
    data = plain()
    assert rows(data) == [int(data.inner.train[n][0]) for n in range(40)]


def test_its_batch_size_can_be_changed() -> None:
    data = plain()
    data.batch_size = 4
    assert len(next(iter(data.train_dataloader()))[0]) == 4


def test_it_gets_the_trainer() -> None:
    data = plain()
    data.trainer = trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert data.inner.trainer is trainer


def test_anything_else_is_refused() -> None:
    with pytest.raises(UserError, match="must make a LightningDataModule; for a Dataset of torch write data=dataset"):
        as_datamodule(TensorDataset(torch.zeros(2)), None, 0)
    with pytest.raises(UserError, match=r"data.spec: PlainData publishes a spec of its own; leave this out"):
        as_datamodule(plain(), {"task": "mine"}, 0)


class Doubled(Random):
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch[0] * 2, batch[1]


def test_hooks_of_the_transfer_apply_in_an_evaluation_too() -> None:
    data = PlainData(Doubled())
    data.setup("fit")
    raw = [value for batch in data.inner.val_dataloader() for value in batch[0].flatten().tolist()]
    assert [value for batch in data.loader("val") for value in batch[0].flatten().tolist()] == [2 * v for v in raw]


class Numbers(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for number in range(30):
            yield torch.tensor([float(number)]), number % 3


class Stream(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(Numbers(), batch_size=10)


def test_a_stream_needs_a_complete_spec() -> None:
    data = PlainData(Stream(), {"task": "classification", "input_shape": [1], "output_size": 3})
    assert (data.spec.output_size, data.sample(2)) == (3, None)
    assert len(rows(data)) == 30
    with pytest.raises(UserError, match="there is no batch to look at"):
        PlainData(Stream()).spec  # noqa: B018


class Batches(Random):
    """A data set of whole batches."""

    def train_dataloader(self) -> Any:
        batches = [(torch.zeros(4, 1), torch.zeros(4).long()), (torch.ones(4, 1), torch.ones(4).long())]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def test_items_may_be_batches() -> None:
    data = PlainData(Batches())
    data.setup("fit")
    assert data.sample(2)[0].shape == (4, 1)
    assert rows(data) == [0] * 4 + [1] * 4
