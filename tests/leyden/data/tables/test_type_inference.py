"""What is meant as a number but not written as one, and what is none."""

from pathlib import Path

import pytest

from leyden.data.tables.notation import Notation
from leyden.data.tables.reader import read_table
from leyden.data.tables.type_inference import plainly
from tests.leyden.data.tables.mistaken_files import pairs
from tests.leyden.helpers.csv_files import write


@pytest.mark.parametrize(
    "value",
    ["10.0.0.1", "1.2.3", "A12", "555-1234", "2020-W05", "52.1, 13.4", "1,2,3", "10-20", "+", "%", "1/2"],
)
def test_what_is_no_number_is_not_taken_for_one_that_is_badly_written(value: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", pairs("c;y", [f"{value};{i}" for i in range(5)]))
    assert read_table(path, separator=";")["c"].unique().to_list() == [value]


def test_what_is_said_to_be_text_may_look_like_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", pairs("c;d;y", [f"1,5;01/02/2015;{i}" for i in range(5)]))
    assert read_table(path, separator=";", is_text=lambda name: name != "y").row(0)[:2] == ("1,5", "01/02/2015")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("1,5", "1.5"),
        ("-1.234.567,8", "-1234567.8"),
        ("1,234,567", "1234567"),
        ("1'000.50", "1000.50"),
        ("12 €", "12"),
        (",5", ".5"),
        ("1,234", "1234 or 1.234"),
        ("10%", "10"),
        ("1\u202f000", "1000"),
        ("twelve", None),
    ],
)
def test_it_is_said_how_a_number_is_written(value: str, plain: str | None) -> None:
    assert plainly(value, Notation()) == plain
