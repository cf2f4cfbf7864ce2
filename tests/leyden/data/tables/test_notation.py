"""Numbers, dates and times as people write them, in training and in prediction."""

import csv
import logging
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from leyden.data.csv import CSV
from leyden.data.inputs.rows import read_rows
from leyden.data.spec import DataSpec
from leyden.data.tables.notation import Notation
from leyden.data.tables.reader import read_table
from leyden.system.errors import UserError
from leyden.system.override_text import parsed
from tests.leyden.data.inputs.opened_inputs import read_inputs

DAYS = ["%d/%m/%Y", "%d.%m.%Y", "%b %d %Y", "%d-%b-%y", "%B %d, %Y", "%Y/%m/%d", "%d/%m/%Y %H:%M", "%Y%m%d"]


def write(path: Path, values: Sequence[object], separator: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [("d", "y"), *((value, i) for i, value in enumerate(values))]
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def ready(path: Path, **settings: Any) -> CSV:
    data = CSV(str(path), "y", val_size=0, test_size=0, **settings)
    data.setup()
    return data


def column(folder: Path, values: Sequence[str], **notation: Any) -> list[Any]:
    return read_table(write(folder / "a.csv", values), notation=Notation(**notation))["d"].to_list()


@pytest.mark.parametrize(
    ("values", "read", "form"),
    [
        (["07:30", "12:15"], [7.5, 12.25], "time"),
        (["7:30 AM", "12:15 am", "1:00 p.m."], [7.5, 0.25, 13], "time"),
        (["1:30:00", "30:00:36"], [1.5, 30.01], "time"),
        (["0.00%", "-1.5 %"], [0, -1.5], "#%"),
        (["$12", "-$5.5", "$ 3"], [12, -5.5, 3], "$#"),
        (["5 kg", "6.5 kg"], [5, 6.5], "# kg"),
        (["5km/h", "10km/h"], [5, 10], "#km/h"),
        (["1949-02", "1950-11"], [date(1949, 2, 1), date(1950, 11, 1)], "%Y-%m"),
        (["1974Q1", "1974-Q4"], [date(1974, 1, 1), date(1974, 10, 1)], "quarter"),
        (["Q2 1974"], [date(1974, 4, 1)], "quarter"),
        (["Jan 22 2000", "feb 3 2001"], [date(2000, 1, 22), date(2001, 2, 3)], "%b %d %Y"),
        (["January 22, 2000"], [date(2000, 1, 22)], "%b %d, %Y"),
        (["31.12.2015 10:30"], [datetime(2015, 12, 31, 10, 30)], "%d.%m.%Y %H:%M"),
        (["13/01/2015", "01/02/2015"], [date(2015, 1, 13), date(2015, 2, 1)], "%d/%m/%Y"),
        (["2015/1/31"], [date(2015, 1, 31)], "%Y/%m/%d"),
    ],
)
def test_what_has_one_meaning_is_read_and_said(
    values: list[str], read: list[object], form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notation = Notation()
    found = read_table(write(tmp_path / "a.csv", values), notation=notation)["d"].to_list()
    assert found == (pytest.approx(read) if isinstance(read[0], float | int) else read)
    assert notation.formats["d"] == form
    assert "read as what their values look like: d (" in caplog.text
    assert "'data.categorical=[d]' if these are categories" in caplog.text
    words = read_table(tmp_path / "a.csv", notation=Notation(missing=["closed"])).vstack(
        read_table(write(tmp_path / "a.csv", [*values * 3, "closed"]), notation=Notation(missing=["closed"]))
    )
    assert words["d"].null_count() == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["<0.006", "0.01", "0.02"], "d (<0.006): numbers with something beside them"),
        (["100 (+2)", "98 (-1)"], "d (100 (+2)): numbers with something beside them"),
        (["5 kg", "200 g"], "d (5 kg): numbers with something beside them"),
        (["(1,234)", "200"], "d ((1,234)): numbers with something beside them"),
        (["1", "2", "3", "4+"], "d (4+): numbers with something beside them"),
        (["18-25", "26-35"], "d (18-25): numbers with something beside them"),
        (["20-02-22", "21-03-12"], "add data.date_format=%y-%m-%d or data.date_format=%d-%m-%y if these are dates"),
        (["00501", "10001"], "d (00501): leading zeros are lost"),
        (["20150131", "20160228"], "'data.date_format={d: %Y%m%d}' if these are dates"),
        (["1152921504606846977", "5"], "more than 15 digits are rounded"),
    ],
)
def test_what_may_be_meant_in_another_way_is_said(
    values: list[str], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ready(write(tmp_path / "a.csv", values * 20))
    assert said in caplog.text
    caplog.clear()
    ready(write(tmp_path / "a.csv", values * 20), categorical=["d"])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_nothing_is_said_of_plain_columns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    others = (["A12", "B7"], ["0", "0.5"], ["10", "-10"], ["May", "June"], ["1.2.3", "1.2.4"], ["2 of 3 dogs", "x1-2"])
    for values in others:
        ready(write(tmp_path / "a.csv", values * 20))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "values",
    [
        ["01/02/2015", "03/04/2015"],
        ["01/02/2015", "03/04/2015", "none yet"],
        ["1,5", "2,25"],
        ["1,234", "2,345"],
        ["1.234,5", "2"],
        ["$1,200", "$2,345.50"],
        ["1 000", "25"],
        ["1\u202f000,5", "25"],
        ["1'000.5", "25"],
        ["1,5", "2,5", "x"],
    ],
)
def test_a_refusal_names_settings_that_read_the_file(values: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", values * 20)
    with pytest.raises(UserError) as refused:
        ready(path)
    remedy = str(refused.value).partition("add ")[2].partition(" if ")[0].replace(" or data.date_format=%m/%d/%Y", "")
    settings = {word.partition("=")[0]: parsed(word.partition("=")[2]) for word in shlex.split(remedy)}
    data = ready(path, **{key.removeprefix("data."): value for key, value in settings.items()})
    assert data.spec.columns is not None
    assert data.spec.columns["features"][0]["kind"] in ("number", "date")


def test_numbers_of_other_marks_are_read(tmp_path: Path) -> None:
    assert column(tmp_path, ["0,00", "-1,5", "7", ",5", "1e3"], decimal=",") == pytest.approx([0, -1.5, 7, 0.5, 1000])
    assert column(tmp_path, ["1,234", "1,234,567.5", "12"], thousands=",") == pytest.approx([1234, 1234567.5, 12])
    assert column(tmp_path, ["1.234,5", "12"], decimal=",", thousands=".") == pytest.approx([1234.5, 12])
    assert column(tmp_path, ["1 234", "1\u00a0234", "5"], thousands=" ") == [1234, 1234, 5]
    with pytest.raises(UserError, match=r"d=1\.5: "):
        column(tmp_path, ["1.5", "2"] * 9 + ["1,5"], decimal=",")
    with pytest.raises(UserError, match=r"d=1,23: "):
        column(tmp_path, ["1,234"] * 20 + ["1,23"], thousands=",")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"decimal": ",", "thousands": ","}, "must differ"),
        ({"decimal": "5"}, "data.decimal=5: must be one sign"),
        ({"date_format": "%H:%M"}, "data.date_format=%H:%M: is no format of dates"),
        ({"date_format": "%d/%m/%Y"}, "no column of"),
        ({"date_format": {"q": "%d/%m/%Y"}}, "has no column q"),
    ],
)
def test_settings_that_read_nothing_are_refused(settings: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        ready(write(tmp_path / "a.csv", range(9)), **settings)
    assert named in str(refused.value)


def formatted(form: str) -> Callable[[int], str]:
    return lambda i: datetime(2015, 1 + i % 12, 1 + i % 28, i % 24, 30).strftime(form)


@pytest.mark.parametrize("of_column", [False, True])
@pytest.mark.parametrize("form", DAYS)
def test_dates_of_a_format_are_those_of_iso(form: str, of_column: bool, tmp_path: Path) -> None:
    if form == "%Y%m%d" and not of_column:
        return  # digits are numbers, unless the column is named
    path = write(tmp_path / "a.csv", [*map(formatted(form), range(40)), "", "NULL"])
    iso = write(
        tmp_path / "b.csv", [*map(formatted("%Y-%m-%d %H:%M" if "H" in form else "%Y-%m-%d"), range(40)), "", ""]
    )
    data = ready(path, date_format={"d": form} if of_column else form)
    assert torch.equal(data.splits["train"][0], ready(iso).splits["train"][0])


@pytest.mark.parametrize(
    ("values", "settings", "wrong"),
    [
        (["07:30", "12:15"], {}, "7.5"),
        (["5 kg", "7 kg"], {}, "5"),
        (["1974Q1", "1974Q2"], {}, "1974-01-01"),
        (["20-02-22", "20-03-22"], {"date_format": "%y-%m-%d"}, "2020-02-22"),
        (["1,5", "2,25"], {"decimal": ","}, "1.5"),
        (["$1,200", "$2,300"], {"thousands": ","}, "1,200"),
        (["1", "2.5"], {}, "07:30"),
        (["2020-01-01", "2020-01-02"], {}, "2020-01"),
    ],
)
def test_prediction_reads_columns_as_training_did(
    values: list[str], settings: dict[str, Any], wrong: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = ready(write(tmp_path / "a.csv", values * 10), **settings)
    torch.save(asdict(data.spec), tmp_path / "a.ckpt")
    spec = DataSpec(**torch.load(tmp_path / "a.ckpt", weights_only=True))
    caplog.clear()
    train = data.splits["train"][0]
    assert torch.equal(read_inputs(tmp_path / "a.csv", spec), train)
    for value, row in zip(values, train, strict=False):  # one row does not tell what its column holds
        assert torch.equal(read_inputs(write(tmp_path / "b.csv", [value]), spec)[0], row)
    inputs, lines, faults = read_rows(write(tmp_path / "b.csv", [values[0], wrong, values[1]]), spec)
    assert torch.equal(inputs, train[:2])
    assert (lines, [*faults]) == ([2, 4], [3])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    again = CSV(str(write(tmp_path / "a.csv", values * 10)), "y", val_size=0, test_size=0, **settings)
    again.reference_spec = spec
    again.setup()
    assert torch.equal(again.splits["train"][0], train)


def test_a_checkpoint_of_before_reads_words_and_columns_as_it_did(tmp_path: Path) -> None:
    months = ["1949-02", "NULL", "1949-03"] * 10
    data = ready(write(tmp_path / "a.csv", months), categorical=["d"])
    features = [{"name": "d", "flag": False, "kind": "category", "values": ["1949-02", "1949-03", "NULL"]}]
    spec = DataSpec(**{**asdict(data.spec), "columns": {"features": features, "separator": ",", "missing": []}})
    expected = torch.eye(3)[[0, 2, 1]]
    assert torch.equal(read_inputs(tmp_path / "a.csv", spec)[:3], expected)
    again = CSV(str(tmp_path / "a.csv"), "y", val_size=0, test_size=0)
    again.reference_spec = spec
    again.setup()
    assert torch.equal(again.splits["train"][0][:3], expected)


def test_a_validation_file_is_read_as_the_training_file(tmp_path: Path) -> None:
    train, val = ["13/01/2015", "01/02/2015"], ["01/13/2015", "02/01/2015"]
    path, other = write(tmp_path / "a.csv", train * 5), write(tmp_path / "b.csv", val * 5)
    with pytest.raises(UserError, match=r"b\.csv, line 2: d=01/13/2015: is not written as other values"):
        ready(path, val_path=str(other))
    table = pl.DataFrame({"d": train})
    assert ready(path, val_path=str(write(tmp_path / "c.csv", table["d"].to_list()))).spec.input_shape == (1,)
