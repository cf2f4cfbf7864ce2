"""Rows that come with their split: files of their own, or a column that says it."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.data.csv import CSV
from tests.leyden.helpers.csv_files import Mistake, refused_in_one_line, rows, write

SPLIT = "x,s,y\n" + "".join(f"{i},{['train', 'val', 'test', ''][i % 4]},{i % 7}\n" for i in range(40))
DATES = "x,y\n" + "".join(f"2020-01-{i + 1},{i % 7}\n" for i in range(9, 29))


def ready(path: Path, **settings: Any) -> CSV:
    data = CSV(str(path), **{"target": "y", "scale_target": False} | settings)
    data.setup()
    return data


def numbered(path: Path, first: int, number: int, order: str = "xy") -> Path:
    """Rows of which the target tells which one it is."""
    lines = [",".join(str({"x": i * 5 % 17, "y": i}[name]) for name in order) for i in range(first, first + number)]
    return write(path, "\n".join([",".join(order), *lines]) + "\n")


def which(data: CSV) -> dict[str, list[int]]:
    return {split: targets.flatten().int().tolist() for split, (_, targets) in data.splits.items()}


def test_files_of_their_own_are_validated_and_tested_on(tmp_path: Path) -> None:
    train = numbered(tmp_path / "train.csv", 0, 30)
    val, test = numbered(tmp_path / "val.csv", 100, 7, "yx"), numbered(tmp_path / "test.csv", 200, 5, "yx")
    both = ready(train, val_path=str(val), test_path=str(test))
    assert which(both) == {"train": [*range(30)], "val": [*range(100, 107)], "test": [*range(200, 205)]}
    tested = which(ready(train, test_path=str(test), val_size=5))
    assert tested["test"] == [*range(200, 205)]
    assert sorted(tested["train"] + tested["val"]) == [*range(30)]
    assert len(tested["val"]) == 5
    validated = which(ready(train, val_path=str(val), test_size=6))
    assert validated["val"] == [*range(100, 107)]
    assert sorted(validated["train"] + validated["test"]) == [*range(30)]
    assert len(validated["test"]) == 6


def test_inputs_of_further_files_are_those_of_the_same_columns(tmp_path: Path) -> None:
    numbered(tmp_path / "train.csv", 0, 17)
    numbered(tmp_path / "val.csv", 0, 17, "yx")
    data = ready(tmp_path / "train.csv", val_path=str(tmp_path / "val.csv"), test_size=0)
    assert torch.equal(data.splits["val"][0], data.splits["train"][0])


def test_a_column_says_the_split(tmp_path: Path) -> None:
    words = ["train", "Val", "TEST", "", "validation", "training", "valid", "train"]
    lines = [f"{i * 5 % 17},{word},{i}" for i, word in enumerate(words)]
    data = ready(write(tmp_path / "a.csv", "\n".join(["x,s,y", *lines])), split_column="s")
    assert which(data) == {"train": [0, 3, 5, 7], "val": [1, 4, 6], "test": [2]}
    assert data.spec.input_shape == (1,)


def test_what_the_column_does_not_say_is_split_off(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", SPLIT.replace("val", "train"))
    data = ready(path, split_column="s", val_size=5, target="x", features=["y"])
    assert which(data)["test"] == [*range(2, 40, 4)]
    assert len(which(data)["val"]) == 5
    assert sorted(which(data)["train"] + which(data)["val"]) == [i for i in range(40) if i % 4 != 2]


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"{i * 5 % 17},{'NA' if i % 3 == 0 else i},{'train' if i % 2 else 'test'}" for i in range(30)]
    path = write(tmp_path / "a.csv", "\n".join(["x,y,s", *lines]))
    with caplog.at_level(logging.INFO):
        data = ready(path, split_column="s", val_size=0)
    assert which(data)["train"] == [i for i in range(30) if i % 3 and i % 2]
    assert which(data)["test"] == [i for i in range(30) if i % 3 and not i % 2]
    assert "10 rows without y are left out" in caplog.text


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_column_without_values_in_one_file_has_those_of_the_other(empty: str, tmp_path: Path) -> None:
    full, none = "x,z,y\n1,2,1\n2,3,2\n3,5,3\n", "x,z,y\n1,,1\n2,,2\n3,,3\n"
    train = write(tmp_path / "train.csv", none if empty == "train" else full)
    test = write(tmp_path / "test.csv", full if empty == "train" else none)
    data = ready(train, test_path=str(test), val_size=0)
    if empty == "train":  # nothing is known of z
        assert data.spec.input_shape == (1,)
    else:
        assert data.splits["test"][0][:, 1].tolist() == [0, 0, 0]


def test_times_may_have_a_zone_in_one_file_only(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "t,y\n2020-01-01 00:00:00,1\n2020-01-03 00:00:00,2\n")
    val = write(tmp_path / "val.csv", "t,y\n2020-01-01T12:00:00+12:00,1\n2020-01-02T12:00:00-12:00,2\n")
    data = ready(train, val_path=str(val), test_size=0)
    assert torch.equal(data.splits["val"][0], data.splits["train"][0])


MISTAKES: dict[str, Mistake] = {
    "no such split column": (rows(), {"split_column": "s"}, ["data.split_column=s", "c, x, y"]),
    "too few rows": (
        rows(2),
        {},
        ["data.test_size=0.2, data.val_size=0.1: nothing is left", "of 2, add data.test_size=0 data.val_size=1"],
    ),
    "more than there is": (rows(), {"test_size": 41}, ["data.test_size=41", "only 40"]),
    "no such fold": (rows(), {"fold": 7}, ["data.fold=7", "between 0 and 4"]),
    "more folds than rows": (rows(), {"fold": 0, "folds": 41}, ["data.folds=41", "between 2 and 40"]),
    "an unknown split": (
        SPLIT.replace("val", "dev"),
        {"split_column": "s"},
        ["column s holds dev", "train, val or test"],
    ),
    "nothing to train on": (
        SPLIT.replace("train", "val").replace(",,", ",val,"),
        {"split_column": "s"},
        ["column s says train of no row"],
    ),
    "two test sets": (
        SPLIT,
        {"split_column": "s", "test_path": rows(header="x,s,y")},
        ["data.test_path", "has test rows"],
    ),
    "a target that says the split": (
        SPLIT,
        {"target": "s", "split_column": "s"},
        ["data.target: s is the split column"],
    ),
    "a test file that lacks a column": (
        rows(),
        {"test_path": rows(header="x,d,y")},
        ["test.csv: has no column c", "d, x, y"],
    ),
    "a test file without a target": (rows(), {"test_path": "x,c\n1,u\n"}, ["test.csv: has no column y"]),
    "text in a test file": (rows(), {"test_path": "x,c,y\na,u,1\nb,v,2\n"}, ["test.csv: x holds text", "numbers in"]),
    "numbers where there were dates": (
        DATES,
        {"val_path": "x,y\n1,2\n2,3\n"},
        ["val.csv: x holds numbers, and dates in", "train.csv"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    refused_in_one_line(MISTAKES[name], tmp_path)
