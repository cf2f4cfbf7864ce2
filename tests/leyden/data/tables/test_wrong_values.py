"""Numbers in other marks than those of the notation: every remedy that is printed works as it is typed."""

import csv
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from leyden.data.csv import CSV
from leyden.data.inputs.rows import read_rows
from leyden.data.tables.notation import Notation
from leyden.data.tables.type_inference import plainly
from leyden.system.errors import UserError
from leyden.system.override_text import parsed

EUROS = ["0 €", "37 €", "999 €", "5 €"] * 5


def ready(folder: Path, values: Sequence[object], y: str = "", **settings: Any) -> CSV:
    path = folder / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("d", "y"), *((value, f"{i}{y}") for i, value in enumerate(values))])
    data = CSV(str(path), "y", val_size=0, test_size=0, **settings)
    data.setup()
    return data


def refused(folder: Path, values: Sequence[object], y: str = "", **settings: Any) -> str:
    with pytest.raises(UserError) as error:
        ready(folder, values, y, **settings)
    return str(error.value)


def largest(data: CSV) -> float:
    assert data.spec.columns is not None
    (column,) = data.spec.columns["features"]
    assert column["kind"] == "number"
    return float(data.splits["train"][0].max()) * column["std"] + column["mean"]


def offered(message: str) -> dict[float, dict[str, Any]]:
    """The settings of data that a message offers, by the number that it says is read then."""
    found = re.findall(r"add ([^;]*?) if this is (\d[\d.]*)", message.replace(", or add", "; add"))
    words = {float(number.rstrip(".,")): shlex.split(typed) for typed, number in found}
    return {
        number: {word.partition("=")[0].removeprefix("data."): parsed(word.partition("=")[2]) for word in typed}
        for number, typed in words.items()
    }


@pytest.mark.parametrize(
    ("values", "y", "numbers"),  # the number that each setting gives the value that is named, and the largest then
    [
        ([*EUROS, "1.036 €"], "", {1.036: 999, 1036: 1036}),
        ([*EUROS, "1.036 €"], ".5", {1.036: 999}),
        ([*EUROS, "1,036 €"], "", {1036: 1036, 1.036: 999}),
        ([*EUROS, "2.000 €", "1.036.000 €"], "", {2000: 1036000}),
        (["5 kg", "1.036 kg"] * 9, "", {1.036: 5, 1036: 1036}),
        (["$5", "$1.036"] * 9, "", {1.036: 5, 1036: 1036}),
        (["0 €", "1.036,5 €"] * 9, "", {1036.5: 1036.5}),
        (["$1,234", "$200"] * 9, "", {1234: 1234, 1.234: 200}),
        (["1,234", "2"] * 9, "", {1234: 1234, 1.234: 2}),
        (["1,234", "2"] * 9, ".346", {1234: 1234}),
        (["1,234", "2"] * 9, ".00", {1234: 1234}),
        (["1,5", "2,5"] * 9, ".25", {}),
    ],
)
def test_marks_that_may_mean_several_numbers_are_not_guessed(
    values: list[str], y: str, numbers: dict[float, float], tmp_path: Path
) -> None:
    settings = offered(refused(tmp_path, values, y))
    assert {number: largest(ready(tmp_path, values, y, **typed)) for number, typed in settings.items()} == {
        number: pytest.approx(most, rel=1e-4) for number, most in numbers.items()
    }


@pytest.mark.parametrize("values", [[*EUROS, "1.036 €", "1.5 €"], [*EUROS, "0.125 €"], ["0.346 kg", "1.250 kg"] * 9])
def test_points_that_cannot_separate_thousands_are_decimal(values: list[str], tmp_path: Path) -> None:
    assert largest(ready(tmp_path, values)) in (pytest.approx(999, rel=1e-4), pytest.approx(1.25))


def test_where_no_setting_reads_thousands_it_is_said_to_write_them_without_a_mark(tmp_path: Path) -> None:
    assert "write it without the mark if this is 1036" in refused(tmp_path, [*EUROS, "1.036 €"], y=".5")


@pytest.mark.parametrize("settings", [{}, {"thousands": ","}])
@pytest.mark.parametrize("value", ["$1,234", "1,234 €", "$1,234.5"])
def test_a_currency_among_plain_numbers_is_to_be_removed(value: str, settings: dict[str, Any], tmp_path: Path) -> None:
    message = refused(tmp_path, [*range(1, 30), value], **settings)
    assert "data.thousands" not in message
    written = re.findall(r"write ([\d.]+)", message)[0]
    assert largest(ready(tmp_path, [*range(1, 30), written], **settings)) == pytest.approx(1234, abs=0.6)


@pytest.mark.parametrize(
    ("value", "decimal", "thousands", "plain"),
    [
        ("12.34", ",", None, "12,34"),
        ("1.234,5", ",", None, "1234,5"),
        ("1,234.5", ",", None, "1234,5"),
        ("1.234", ",", None, "1234 or 1,234"),
        ("$1,234", ",", None, "1,234"),
        ("$1.234,5", ",", ".", "1234,5"),
        ("$1,234", ".", ",", "1234"),
        ("1.234.567", ",", None, "1234567"),
    ],
)
def test_a_number_is_to_be_written_in_the_notation_of_the_file(
    value: str, decimal: str, thousands: str | None, plain: str
) -> None:
    assert plainly(value, Notation(decimal, thousands)) == plain


def test_rows_of_further_files_are_to_be_written_in_the_notation_of_training(tmp_path: Path) -> None:
    spec = ready(tmp_path, ["1,5", "2,5", "3"] * 9, decimal=",").spec
    path = tmp_path / "new.csv"
    path.write_text("d;y\n1,5;1\n12.34;1\n1.234,5;1\n".replace(";", "\t"))
    _, _, faults = read_rows(path, spec)
    assert {line: why.rpartition("write ")[2] for line, why in faults.items()} == {3: "12,34", 4: "1234,5"}
    assert "write 12,34" in refused(tmp_path, [*["1,5"] * 20, "12.34"], decimal=",")
