import numpy as np
import pytest
import torch
from torch import Tensor

from leyden.data.recorded_split import RecordedSplit

ITEMS = {"train": np.array([5, 3, 9, 3]), "val": np.array([7]), "test": np.array([1, 8])}
RECORDED = RecordedSplit(
    {split: items.astype(np.uint64) for split, items in ITEMS.items()}, ITEMS["train"].astype(np.uint64)
)


def divide(values: list[int], drawn: dict[str, list[int]] | None = None, **parts: list[int]) -> dict[str, list[int]]:
    """The items of each split, of data that have these."""
    digests = np.array(values, dtype=np.uint64)
    places = {part: torch.tensor(rows, dtype=torch.long) for part, rows in parts.items()}
    places.setdefault("train", torch.arange(len(values)))
    rows = {split: torch.tensor((drawn or {}).get(split, [0]), dtype=torch.long) for split in ITEMS}
    return {split: digests[of.numpy()].tolist() for split, of in division(digests, rows, places).items()}


def division(digests: np.ndarray, drawn: dict[str, Tensor], parts: dict[str, Tensor]) -> dict[str, Tensor]:  # type: ignore[type-arg]
    rows = RECORDED.divide(drawn, parts, digests).rows
    taken = torch.cat(list(rows.values())).tolist()
    assert len(taken) == len(set(taken))  # no item in two splits
    return rows


SAME = {"train": [5, 3, 9, 3], "val": [7], "test": [1, 8]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([5, 3, 9, 3, 7, 1, 8], SAME, id="unchanged"),
        pytest.param([1, 3, 3, 5, 7, 8, 9], SAME, id="sorted"),
        pytest.param([4, 5, 3, 9, 3, 7, 1, 8, 2], SAME | {"new": [4, 2]}, id="added"),
        pytest.param([3, 9, 3, 7, 8], {"train": [3, 9, 3], "val": [7], "test": [8]}, id="removed"),
        pytest.param([5, 3, 9, 3, 7, 1, 8, 3, 1], SAME | {"new": [3, 1]}, id="duplicated"),
        pytest.param([5, 3, 9, 7, 1, 8], SAME | {"train": [5, 3, 9]}, id="one of two equal ones"),
        pytest.param([1, 8], {"train": [], "val": [], "test": [1, 8]}, id="those of the test alone"),
    ],
)
def test_recorded_items_stay_in_their_splits(values: list[int], expected: dict[str, list[int]]) -> None:
    assert divide(values) == expected


def test_a_split_that_would_be_drawn_again_stays_as_it_is() -> None:
    rows = {"train": torch.tensor([4, 2, 1, 3]), "val": torch.tensor([0]), "test": torch.tensor([6, 5])}
    found = RECORDED.divide(rows, {"train": torch.arange(7)}, np.array([7, 9, 3, 3, 5, 8, 1], dtype=np.uint64))
    assert found.rows is rows
    assert not any(found.missing.values())


def test_missing_items_are_counted() -> None:
    digests = np.array([3, 9, 8, 2], dtype=np.uint64)
    drawn = {split: torch.tensor([0]) for split in ITEMS}
    found = RECORDED.divide(drawn, {"train": torch.arange(4)}, digests)
    assert found.missing == {"train": 2, "val": 1, "test": 1}
    assert found.is_same


def test_other_data_are_divided_by_themselves() -> None:
    drawn = {"train": torch.tensor([0]), "val": torch.tensor([1]), "test": torch.tensor([2])}
    found = RECORDED.divide(drawn, {"train": torch.arange(3)}, np.array([20, 30, 40], dtype=np.uint64))
    assert found.rows is drawn
    assert not found.is_same


def test_a_test_set_of_its_own_has_what_it_holds() -> None:
    values = [5, 3, 9, 3, 7, 6, 8, 1]
    expected = {"train": [5, 3, 9, 3], "val": [7], "test": [1, 8, 6]}
    assert divide(values, train=[0, 1, 2, 3, 4], test=[5, 6, 7]) == expected
    values = [5, 3, 9, 3, 7, 8, 1, 1]  # a test item among those to train on is not one of the test set
    assert divide(values, train=[0, 1, 2, 3, 4, 5], test=[6, 7]) == expected | {"test": [1, 1], "new": [8]}


def test_items_that_were_trained_on_are_counted() -> None:
    assert RECORDED.is_trained(np.array([3, 3, 4, 7, 9], dtype=np.uint64)).tolist() == [True, True, False, False, True]
    assert not len(RECORDED.is_trained(np.array([], dtype=np.uint64)))
