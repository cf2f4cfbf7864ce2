import gzip
from pathlib import Path
from typing import Any

import pytest

from leyden.data.csv import CSV
from tests.leyden.helpers.csv_files import write

HARD = (
    'A title\nn,"the y",c\n\n1,NA,u\n2,10,"a\nb"\n   \n3,11,v\n4,-999.0,w\n5, 12 ,u\n6,?,u\n'
    + "".join(f"{i},{i + 6},v\n\n" for i in range(7, 30))
    + '30,36,"last"'
)


def line_of(content: str, y: float) -> int:
    """The line on which the row of a target begins, which has the number y - 6 or, of the first ones, y - 8."""
    number = {10: 2, 11: 3, 12: 5}.get(int(y), int(y) - 6)
    return next(line for line, text in enumerate(content.split("\n"), 1) if text.startswith(f"{number},"))


def targets(data: CSV, split: str) -> list[float]:
    spec = data.spec
    return [
        round(value, 3) for value in (data.splits[split][1][:, 0] * spec.target_std[0] + spec.target_mean[0]).tolist()
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_rows_are_named_by_their_lines(name: str, tmp_path: Path) -> None:
    content = gzip.compress(HARD.encode()) if name.endswith("gz") else HARD
    settings: dict[str, Any] = {"missing": [-999], "skip_lines": 1, "test_size": 0.5, "categorical": ["c"]}
    data = CSV(str(write(tmp_path / name, content)), "the y", **settings)
    data.setup()
    lines = data.item_names("test")
    assert len(lines) == len(data.splits["test"][1]) == 14
    assert lines == [str(line_of(HARD, y)) for y in targets(data, "test")]


def test_rows_of_a_test_file_are_named_by_its_lines(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "n,y\n" + "".join(f"{i},{i % 7}\n" for i in range(30)))
    test = write(tmp_path / "b.csv", "z,y,n\n0,4,1\n0,,2\n\n0,5,3\n")
    data = CSV(str(train), "y", test_path=str(test))
    data.setup()
    assert data.item_names("test") == ["2", "5"]


def test_rows_are_named_where_several_targets_must_be_there(tmp_path: Path) -> None:
    rows = [f"{i},{i % 7 if i % 3 else ''},{i % 5 if i % 4 else 'NA'}" for i in range(60)]
    data = CSV(str(write(tmp_path / "a.csv", "\n".join(["n,a,b", *rows]))), ["a", "b"])
    data.setup()
    lines = [int(line) for line in data.item_names("test")]
    assert all((line - 2) % 3 and (line - 2) % 4 for line in lines)
    assert targets(data, "test") == [(line - 2) % 7 for line in lines]


@pytest.mark.parametrize(("missing", "written"), [("0", "0.0"), (-999, "-999.00"), ("0", "0")])
def test_rows_of_classes_are_named_whatever_a_missing_value_is_called(
    missing: Any, written: str, tmp_path: Path
) -> None:
    rows = [f"{i},{written if i % 4 == 0 else i % 4}" for i in range(60)]
    data = CSV(str(write(tmp_path / "a.csv", "\n".join(["n,y", *rows]))), "y", missing=missing)
    data.target_kind = "classification"
    data.setup()
    lines = [int(line) for line in data.item_names("test")]
    names = [data.spec.class_names[label] for label in data.splits["test"][1].tolist()]
    assert names == [
        str((line - 2) % 4) if (line - 2) % 4 else written.removesuffix(".0").removesuffix(".00") for line in lines
    ]
