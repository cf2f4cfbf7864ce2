"""Names of columns, in headers and in settings."""

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.config.signature import signature_of
from leyden.data.csv import CSV
from leyden.data.tables.column_names import as_named, unique_names
from tests.leyden.helpers.csv_files import write

HEADER = ["2010", "1e3", "2010_1", "007", "1.50", "yes", "null", "-1", "x", "1:30", "0x1F"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x", "x", "x"], ["x", "x_2", "x_3"]),
        (["x", "x_2", "x"], ["x", "x_2", "x_3"]),
        (["", "", "x"], ["column_1", "column_2", "x"]),
        (["", "column_1"], ["column_1_2", "column_1"]),
        (["\u200bx\ufeff", "a\u200bb", "\u200ec"], ["x", "ab", "c"]),
        (["in\nm", " a  b "], ["in m", "a b"]),
    ],
)
def test_each_name_is_another(names: list[str], expected: list[str]) -> None:
    assert unique_names(names)[0] == expected


@pytest.mark.parametrize("name", HEADER)
def test_a_name_is_meant_by_what_a_file_of_yaml_makes_of_it(name: str) -> None:
    assert as_named(yaml.safe_load(name), HEADER) == name


@pytest.mark.parametrize(("value", "name"), [(2010, "2010"), (1000.0, "1e3"), (20101, "2010_1"), (1.5, "1.50")])
def test_a_name_is_meant_by_what_hydra_makes_of_it(value: Any, name: str) -> None:
    assert as_named(value, HEADER) == name


def test_the_same_text_comes_first() -> None:
    assert as_named(1000, ["1_000", "1000"]) == "1000"
    assert as_named(True, ["yes", "True"]) == "True"
    assert as_named(7, ["x"]) == "7"
    assert as_named("x", ["# x"]) == "# x"


@pytest.mark.parametrize("name", ["target", "features", "ignore", "categorical", "split_column"])
def test_settings_of_columns_take_numbers_and_bools(name: str) -> None:
    signature = signature_of("leyden.data.csv.CSV")
    assert signature
    for value in (2010, 1e3, True, "x"):
        alone = name in ("target", "split_column")
        assert signature.parameters[name].accepts(value) == alone
        assert signature.parameters[name].accepts([value]) == (name != "split_column")


def test_columns_are_numbers_in_every_setting(tmp_path: Path) -> None:
    content = "2010,1e3,true,2013,a\n" + "".join(
        f"{i * 7 % 13},{i % 4},{i % 5},{['train', 'val', 'test'][i % 3]},{i * 3 % 11}\n" for i in range(40)
    )
    path = str(write(tmp_path / "a.csv", content))
    settings: dict[str, Any] = {"categorical": [1000.0], "ignore": ["a"], "split_column": 2013}
    data = CSV(path, 2010, **settings, features=[1000.0, True])
    data.setup()
    assert data.spec.target_names == ("2010",)
    assert data.spec.columns is not None
    assert [(column["name"], column["kind"]) for column in data.spec.columns["features"]] == [
        ("1e3", "category"),
        ("true", "number"),
    ]


def test_several_columns_of_one_name_are_told_apart_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = "x,x,y,y\n" + "".join(f"{i * 7 % 13},{i % 4},{i % 5},{i * 3 % 11}\n" for i in range(40))
    data = CSV(str(write(tmp_path / "a.csv", content)), "y_2", ignore=["y"])
    data.setup()
    assert data.spec.columns is not None
    assert [column["name"] for column in data.spec.columns["features"]] == ["x", "x_2"]
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
