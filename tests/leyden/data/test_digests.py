from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from leyden.data.digests import position_digests, row_digests, tensor_digests, with_labels
from leyden.data.tables.notation import Notation
from leyden.data.tables.reader import read_table
from tests.leyden.helpers.csv_files import rows, write

ROWS = [5549867420912934905, 14537320618322188904, 6610080966333639768]
IMAGES = [18175915236925157655, 17663996396334247493]
NAMED = [754716384161202478, 5411911556396697425]


def table(**columns: list[float | str | None]) -> list[pl.Series]:
    return [pl.Series(name, values) for name, values in columns.items()]


def test_a_row_has_one_digest_wherever_it_stands() -> None:
    number = 100_003  # several blocks, the last not full
    values = np.random.default_rng(0).normal(size=(number, 3))
    words = np.array(["u", "v", "w"])[np.arange(number) % 3]
    digests = row_digests([*map(pl.Series, values.T), pl.Series(words)])
    assert len(np.unique(digests)) == number
    order = np.random.default_rng(1).permutation(number)
    moved = row_digests([*map(pl.Series, values[order].T), pl.Series(words[order])])
    assert (moved == digests[order]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", 1.5000002), ("x", None), ("x", -1.5), ("n", 8), ("c", "v "), ("c", None), ("c", ""), ("d", "2015-01-02")],
)
def test_each_value_of_a_row_counts(name: str, value: float | str | None) -> None:
    row: dict[str, list[float | str | None]] = {"x": [1.5], "y": [2.0], "n": [7], "c": ["v"], "d": ["2015-01-01"]}

    def digest(row: dict[str, list[float | str | None]]) -> int:
        *others, date = table(**row)
        return int(row_digests([*others, date.str.to_date()])[0])

    assert digest(row | {name: [value]}) != digest(row)


def test_the_same_values_in_other_columns_make_another_digest() -> None:
    forth, back = row_digests(table(a=[1.0, 2.0], b=[2.0, 1.0]))
    assert forth != back
    (one,), (other,) = row_digests(table(a=["u"], b=["v"])), row_digests(table(a=["v"], b=["u"]))
    assert one != other


def test_a_digest_does_not_depend_on_the_other_rows_of_a_file(tmp_path: Path) -> None:
    """A column is stored in 32 or 64 bits, as in the file that a network was trained on."""
    for wide in (frozenset[str](), frozenset({"x"})):
        notation = Notation(wide=wide)
        short = read_table(write(tmp_path / "a.csv", "x,y\n16777217.0,1\n16777219.5,2\n"), notation=notation)
        long = read_table(write(tmp_path / "b.csv", "x,y\n16777217.0,1\n16777219.5,2\n-9e7,3\n"), notation=notation)
        assert short["x"].dtype == long["x"].dtype == (pl.Float64 if wide else pl.Float32)
        assert (row_digests(list(short)) == row_digests(list(long))[:2]).all()


def test_every_digit_of_a_wide_number_counts() -> None:
    times = pl.Series("t", [1.7e9 + 30 * step for step in range(1000)])
    assert len(np.unique(row_digests([times]))) == 1000


def test_zeros_and_missing_values_have_one_digest_each() -> None:
    zeros = row_digests([pl.Series([0.0, -0.0])])
    assert zeros[0] == zeros[1]
    payload = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    column = pl.Series([None, *payload, 0.0], dtype=pl.Float64, nan_to_null=False)
    missing = row_digests([column, pl.Series([1.0] * 3)])
    assert missing[0] == missing[1] != missing[2]
    assert len(set(row_digests([pl.Series([None] * 2, dtype=pl.String)]).tolist())) == 1


def test_digests_are_the_same_in_every_version(tmp_path: Path) -> None:
    """Runs keep them for years."""
    read = read_table(write(tmp_path / "a.csv", rows(3)))
    assert row_digests(list(read)).tolist() == ROWS
    assert tensor_digests(torch.arange(24, dtype=torch.uint8).view(2, 3, 4)).tolist() == IMAGES
    positions = position_digests("SVHN", torch.tensor([0, 9]))
    assert with_labels(positions, torch.tensor([0, 1]), ["a", "b"]).items.tolist() == NAMED


def test_each_byte_of_an_image_counts() -> None:
    images = torch.zeros(3 * 5 * 7, 3, 5, 7, dtype=torch.uint8)
    images.view(len(images), -1).fill_diagonal_(1)
    assert len(np.unique(tensor_digests(images))) == len(images)
    assert (tensor_digests(images.transpose(2, 3)) == tensor_digests(images.transpose(2, 3).contiguous())).all()


def test_the_class_of_an_item_counts_by_its_name() -> None:
    digests = tensor_digests(torch.zeros(2, 1, 2, 2, dtype=torch.uint8))
    one = with_labels(digests, torch.tensor([0, 1]), ["cat", "dog"]).items
    other = with_labels(digests, torch.tensor([1, 2]), ["ape", "cat", "dog"]).items
    assert one[0] != one[1]
    assert (one == other).all()
    assert (digests[0] == digests[1]).all()  # unchanged
