"""Batch sizes are measured until something ends, and nothing is left behind."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.tuning import batch_size, throughput
from leyden.tuning.batch_size import BatchSizes, Measured, find_batch_size
from myproject.tasks.regression import Regression
from tests.leyden.tuning.quick_trials import files, made


def out_of_memory_above(most: int, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> list[int]:
    """Let training steps fail with batches of more items; the sizes of the batches that were trained on."""
    seen: list[int] = []
    step = Regression.training_step

    def limited(self: Regression, batch: Any, batch_idx: int) -> torch.Tensor:
        seen.append(len(batch[0]))
        if len(batch[0]) > most:
            raise error
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Regression, "training_step", limited)
    return seen


def sizes(found: BatchSizes) -> list[int]:
    return [measured.batch_size for measured in found.sizes]


@pytest.mark.slow
def test_it_doubles_until_the_training_split_is_used_up(tmp_path: Path) -> None:
    found = find_batch_size(made(tmp_path, "data.train_size=40", "data.val_size=5"), seconds=0.01)
    assert sizes(found) == [2, 4, 8, 16, 32]
    assert (found.reason, found.detail) == ("data", "there are 40 items to train on")
    assert found.largest == 32
    assert all(measured.items_per_second > 0 for measured in found.sizes)


def test_a_size_of_the_whole_split_is_the_last(tmp_path: Path) -> None:
    found = find_batch_size(made(tmp_path, "data.train_size=32", "data.val_size=5"), seconds=0.01)
    assert sizes(found) == [2, 4, 8, 16, 32]
    assert found.reason == "data"


def test_it_ends_at_the_limit(tmp_path: Path) -> None:
    found = find_batch_size(made(tmp_path), start=3, limit=12, seconds=0.01)
    assert sizes(found) == [3, 6, 12]
    assert found.reason == "limit"


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
)
def test_it_ends_where_memory_runs_out(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = out_of_memory_above(8, monkeypatch, error)
    found = find_batch_size(made(tmp_path), seconds=0.01)
    assert sizes(found) == [2, 4, 8]
    assert found.reason == "memory"
    assert found.detail == (" ".join(str(error).split()) or "MemoryError")
    assert max(seen) == 16  # no further


def test_an_error_of_another_kind_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(8, monkeypatch, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        find_batch_size(made(tmp_path), seconds=0.01)


def test_a_first_size_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(8, monkeypatch, MemoryError())
    with pytest.raises(UserError, match="--start=32: a batch of 32 does not fit into memory; try --start 16"):
        find_batch_size(made(tmp_path), start=32, seconds=0.01)


def test_a_size_that_main_memory_would_not_hold_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = out_of_memory_above(1000, monkeypatch, MemoryError())
    for module in (batch_size, throughput):
        monkeypatch.setattr(module, "in_use", lambda device: 1 << 30)
    monkeypatch.setattr(throughput, "peak", lambda device: (1 << 30) + (1 << 24) * max(seen))
    monkeypatch.setattr(batch_size, "available", lambda: 9 * (1 << 24))  # enough for 8 items, not for 16
    found = find_batch_size(made(tmp_path), seconds=0.01)
    assert sizes(found) == [2, 4, 8]
    assert found.reason == "memory"
    assert found.detail == "16 would need about 0.2 GiB, and 0.1 GiB are available"
    assert max(seen) == 8


def test_random_state_and_disk_stay_as_they_were(tmp_path: Path) -> None:
    experiment = made(tmp_path)
    before = files(tmp_path)
    torch.manual_seed(3)
    random.seed(5)
    states = torch.get_rng_state(), random.getstate()
    find_batch_size(experiment, limit=4, seconds=0.01)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert files(tmp_path) == before


def test_a_first_size_above_the_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--start=512: there are only 20 items"):
        find_batch_size(made(tmp_path, "data.train_size=20"), start=512, seconds=0.01)


def test_data_that_do_not_follow_the_setting_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataModule, "size_of_batches", lambda self, split: 4)
    with pytest.raises(UserError, match=r"data: batches have 4 items whatever data.batch_size is"):
        find_batch_size(made(tmp_path), start=4, seconds=0.01)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "settings", [{"start": 0}, {"start": 8, "limit": 4}, {"seconds": 0.0}, {"seconds": float("nan")}]
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--"):
        find_batch_size(made(tmp_path), **settings)


def test_the_smallest_size_that_is_about_as_fast_as_the_fastest_is_suggested() -> None:
    speeds = {2: 100.0, 4: 190.0, 8: 380.0, 16: 391.0, 32: 400.0, 64: 300.0}
    found = BatchSizes(tuple(Measured(size, speed, None, None) for size, speed in speeds.items()), "limit", "")
    assert found.suggestion == 8
    assert found.largest == 64
