"""Columns without a name: left out where they only number or label the rows, and named otherwise."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from leyden.data.csv import CSV
from leyden.data.inputs.open import open_inputs
from leyden.system.errors import UserError
from tests.leyden.data.inputs.opened_inputs import read, read_inputs
from tests.leyden.helpers.csv_files import write


def made(header: str, row: Callable[[int], str], number: int = 40) -> str:
    return "\n".join([header, *map(row, range(number))]) + "\n"


def values(i: int) -> str:
    return f"{i * 7 % 13},{i * 3 % 11}"


def indexed(index: Sequence[object], header: str = ",x,y") -> str:
    return made(header, lambda i: f"{index[i]},{values(i)}", len(index))


def ready(path: Path, **settings: Any) -> CSV:
    data = CSV(str(path), **{"target": "y"} | settings)
    data.setup()
    return data


def features(data: CSV) -> list[str]:
    assert data.spec.columns is not None
    return [column["name"] for column in data.spec.columns["features"]]


def shuffled(number: int) -> list[int]:
    numbers = list(range(number))
    Random(0).shuffle(numbers)
    return numbers


INDICES: dict[str, Sequence[object]] = {
    "from 0": range(40),
    "from 1": range(1, 41),
    "as floats": [f"{i}.0" for i in range(40)],
    "backwards": range(40, 0, -1),
    "a gap": [*range(10), *range(25, 55)],
    "a tenth of many": range(0, 400, 10),
    "a sample": shuffled(1000)[:40],
    "a row twice": [*range(20), 19, *range(20, 39)],
    "sorted by another column": shuffled(40),
    "rows drawn with repetition": Random(1).choices(range(40), k=40),
    "two tables": [*range(20), *range(20)],
    "five tables": [*range(60)] * 5,
    "two tables, sorted": sorted([*range(20), *range(20)]),
    "a number is missing": [*range(39), ""],
    "a last row of another kind": [*range(39), "total"],
    "labels": [f"car {i}" for i in range(40)],
    "labels, some twice": [f"car {i % 36}" for i in range(40)],
    "labels of which some are numbers": [f"{i}" if i % 4 == 0 else f"n{i}" for i in range(40)],
    "empty": [""] * 40,
    "missing": ["NA"] * 40,
}
DATA: dict[str, Sequence[object]] = {
    "few numbers": [i % 7 for i in range(40)],
    "halves": [i / 2 for i in range(40)],
    "below zero": range(-20, 20),
    "dates": [f"2020-01-{i % 28 + 1:02d}" for i in range(40)],
    "categories": ["uvw"[i % 3] for i in range(40)],
}


@pytest.mark.parametrize("name", INDICES)
def test_a_column_that_numbers_or_labels_the_rows_is_left_out(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        data = ready(write(tmp_path / "a.csv", indexed(INDICES[name])))
    assert features(data) == ["x"]
    assert [record.message for record in caplog.records if "column_1" in record.message]
    expected = ready(write(tmp_path / "b.csv", made("x,y", values, len(INDICES[name]))))
    assert torch.equal(data.splits["train"][0], expected.splits["train"][0])


@pytest.mark.parametrize("name", DATA)
def test_other_columns_get_a_name_that_settings_take(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", indexed(DATA[name]))
    assert features(ready(path)) == ["column_1", "x"]
    assert features(ready(path, ignore=["column_1"])) == ["x"]
    assert features(ready(path, features=["column_1"])) == ["column_1"]
    assert features(ready(path, features=["x"])) == ["x"]


def test_what_was_decided_holds_if_a_row_is_added(tmp_path: Path) -> None:
    for name, index in (INDICES | DATA).items():
        expected = features(ready(write(tmp_path / "a.csv", indexed(index))))
        for more in (index[-1], "", *([len(index)] if name in INDICES else [])):
            assert features(ready(write(tmp_path / "a.csv", indexed([*index, more])))) == expected, (name, more)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (made("x,y,", lambda i: values(i) + ","), ["x"]),
        (made("x,y,", values), ["x"]),
        (made("x,y", lambda i: values(i) + ","), ["x"]),
        (made("x,y,,,", lambda i: values(i) + ",,,") + ",,,,\n,,,,\n", ["x"]),
        (made("x,y", lambda i: f"r{i},{values(i)}"), ["x"]),
        (made("x,y", lambda i: f'"{i + 1}",{values(i)}'), ["x"]),
        (made("x,,y", lambda i: f"{i % 5},{values(i)}"), ["x", "column_2"]),
        (made("x,y,", lambda i: f"{values(i)},{i % 5}"), ["x", "column_3"]),
        (made("column_1,,y", lambda i: f"{i % 5},{values(i)}"), ["column_1", "column_2"]),
        (made("column_2,,y", lambda i: f"{i % 5},{values(i)}"), ["column_2", "column_2_2"]),
        (made(",Unnamed: 0,x,y", lambda i: f"{i},{i},{values(i)}"), ["x"]),
        (made(",,x,y", lambda i: f"{i // 8},{i % 8},{values(i)}"), ["column_1", "column_2", "x"]),
        (made(",y", lambda i: f"{i},{i * 3 % 11}"), ["column_1"]),
    ],
)
def test_columns_without_a_name_stand_anywhere(content: str, expected: list[str], tmp_path: Path) -> None:
    assert features(ready(write(tmp_path / "a.csv", content))) == expected


def test_labels_alone_are_no_inputs_unless_they_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", made(",y", lambda i: f"n{i},{i * 3 % 11}"))
    with pytest.raises(UserError, match=r"no column to predict y from; .* add 'data\.features=\[column_1\]'"):
        ready(path)
    assert features(ready(path, features=["column_1"])) == ["column_1"]


def test_a_column_without_a_name_may_be_target_category_or_split(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", made(",x,", lambda i: f"{i % 5},{values(i)}"))
    assert features(ready(path, target="column_3", categorical=["column_1"])) == ["column_1", "x"]
    path = write(tmp_path / "b.csv", made(",x,y", lambda i: f"{['train', 'val', 'test'][i % 3]},{values(i)}"))
    assert ready(path, split_column="column_1").sizes() == "14 train, 13 val, 13 test"
    path = write(tmp_path / "c.csv", made(",x", lambda i: f"{i},{i % 7}"))
    assert features(ready(path, target="column_1")) == ["x"]


@pytest.mark.parametrize("first", ["train", "test"])
def test_a_further_file_is_read_with_and_without_the_index(first: str, tmp_path: Path) -> None:
    files = {"with": indexed(range(40)), "without": made("x,y", values)}
    train, test = sorted(files, reverse=first == "test")
    paths = [write(tmp_path / name, files[name]) for name in (train, test)]
    data = ready(paths[0], test_path=str(paths[1]), val_path=str(paths[1]), val_size=0)
    assert torch.equal(data.splits["test"][0], data.splits["train"][0])


@pytest.mark.parametrize("bad", [{}, {3: "bad"}])
def test_rows_are_predicted_by_their_lines_with_and_without_the_index(bad: dict[int, str], tmp_path: Path) -> None:
    spec = ready(write(tmp_path / "a.csv", indexed(range(40)))).spec
    lines = [bad.get(i, i) for i in range(6)]
    names = [str(i + 2) for i in range(6) if i not in bad]
    expected = None
    for header, row in {",x": "{i},{x}", "x": "{x}", "x,": "{x},", "x,y,,": "{x},1,,"}.items():
        content = "\n".join([header, *(row.format(i=i, x=x) for i, x in enumerate(lines))])
        inputs = open_inputs(write(tmp_path / "b.csv", content), spec, 4)
        found, read_values = read(inputs)
        assert found == names
        assert expected is None or torch.equal(read_values, expected)
        expected = read_values


def test_a_run_keeps_its_columns_whatever_the_file_holds_later(tmp_path: Path) -> None:
    for before, after in ((DATA["few numbers"], range(40)), (range(40), DATA["few numbers"])):
        spec = ready(write(tmp_path / "a.csv", indexed(before))).spec
        data = CSV(str(write(tmp_path / "a.csv", indexed(after))), "y")
        data.reference_spec = spec
        data.setup()
        assert data.spec == spec
        assert len(read_inputs(tmp_path / "a.csv", spec)) == 40
