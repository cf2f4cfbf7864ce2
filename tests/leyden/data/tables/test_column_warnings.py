"""Text that seems to hold numbers or dates is not made categories in silence."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from leyden.data.csv import CSV
from leyden.system.errors import UserError
from tests.leyden.data.tables.test_wrong_values import ready, refused

MANY = range(1, 16)


@pytest.mark.parametrize(
    "values",
    [
        ["$5", "($7)", "$3"],
        [f"{i}h {i}m" for i in MANY],
        [*(f"{i}k-{2 * i}k" for i in MANY), "30k+"],
        [f"2015W{i:02d}" for i in MANY],
        [f"Mon {i} Jan 2015 10:00" for i in MANY],
        [f"Monday, {i}/1/2015 at 10" for i in MANY],
        [f"2015-01-{i:02d} 10:00 PM" for i in MANY],
        [f"{i}_000" for i in MANY],
        [f"0x{i:X}F" for i in MANY],
        [f"EUR {i}" for i in MANY],
        [f"[{i}; {i}]" for i in MANY],
    ],
)
def test_values_that_begin_as_numbers_or_dates_are_named_and_the_setting_silences_it(
    values: Sequence[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ready(tmp_path, [*values] * 3)
    (line,) = caplog.messages
    assert any(f"d ({value}): " in line for value in values)
    assert "each value is a category" in line
    assert "'data.categorical=[d]' if these are categories" in line
    caplog.clear()
    ready(tmp_path, [*values] * 3, categorical=["d"])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "values",
    [
        ["1st", "2nd", "3a"],
        ["1a", "1b", "2a", "2b"],
        [f"A{i}" for i in MANY],
        [f"Maria {i}" for i in MANY],
        ["Jan", "Feb", "March", "April", "May", "June", "July", "August", "Sept", "Oct", "Nov", "Dec"],
        [f"{'x' * (i % 3)}{i}-b" for i in MANY],
    ],
)
def test_nothing_is_said_of_codes_and_names(
    values: Sequence[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ready(tmp_path, [*values] * 3)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_nothing_is_said_of_the_values_of_columns_that_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "b.csv"
    path.write_text("w;y;x\n" + "".join(f"0,00 kg;{i};{i % 7}\n" for i in range(40)))
    CSV(str(path), "y", val_size=0, test_size=0, separator=";").setup()
    assert [line.partition("b.csv: ")[2] for line in caplog.messages] == [
        "left out, the same value in every training row: w"
    ]


def test_the_decimal_mark_of_numbers_with_a_unit_is_offered_where_it_reads_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = ["13 kg", "12,5 kg"] * 9
    ready(tmp_path, values)
    assert "d (12,5 kg): numbers with" in caplog.text
    assert "add 'data.decimal=\",\"' if this is 12.5" in caplog.text
    data = ready(tmp_path, values, decimal=",")
    assert data.spec.columns is not None
    assert data.spec.columns["features"][0]["mean"] == pytest.approx(12.75)
    caplog.clear()
    ready(tmp_path, values, y=".5")  # which the other mark would make wrong
    assert "data.decimal" not in caplog.text


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([20150131 - i % 9 for i in range(40)], "%Y%m%d"),
        ([(1 + i % 9) * 1_000_000 + 12015 for i in range(40)], "%d%m%Y"),
    ],
)
def test_the_columns_of_digits_that_a_format_of_dates_reads_are_named(
    values: Sequence[int], form: str, tmp_path: Path
) -> None:
    message = refused(tmp_path, values, date_format=form)
    assert f"'data.date_format={{d: {form}}}'" in message
    with pytest.raises(UserError, match=r"no column of text in .* is written so; correct the setting, or leave it out"):
        ready(tmp_path, range(5), date_format=form)
