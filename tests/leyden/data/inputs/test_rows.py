"""Rows of a table: those that can be read are, whatever stands beside them; each is told by its line."""

from pathlib import Path

import pytest
import torch

from leyden.data.inputs.open import open_inputs
from tests.leyden.data.inputs.opened_inputs import read, read_inputs, table_spec
from tests.leyden.helpers.csv_files import rows, write


def test_rows_that_cannot_be_read_are_told_and_the_others_read(tmp_path: Path) -> None:
    lines = [f"{i % 7}.5,2020-01-{i + 10},{'uvw'[i % 3]},{i % 5}" for i in range(20)]
    spec = table_spec(tmp_path, "\n".join(["x,d,c,y", *lines]))
    good = [*lines[:3], ",,,", *lines[3:6], '7,2020-02-01,"u",text', *lines[6:]]
    expected = read_inputs(write(tmp_path / "good.csv", "\n".join(["x,d,c,y", *good])), spec)

    bad = {
        2: "abc,2020-01-01,u,1",
        4: "1,2020-01-01,u",
        6: "inf,2020-01-01,u,1",
        7: '1,2020-01-01,"u,1',  # left open: takes no other row along
        8: "1,31.01.2020,u,1",
        10: '"1,5",2020-01-01,u,1',
        11: "1e300,2020-01-01,u,1",
        12: "1,2020-01-01,\xfc,1",
    }
    content, row = ["x,d,c,y"], iter([*good[:4], "", *good[4:]])
    while len(content) < len(good) + len(bad) + 2:
        content.append(bad.get(len(content) + 1) or next(row))
    text = "\n".join(content).encode().replace("\xfc".encode(), b"\xfc")
    inputs = open_inputs(write(tmp_path / "bad.csv", text), spec, 6)
    names, values = read(inputs)
    assert torch.equal(values, expected)
    assert [content[int(name) - 1] for name in names] == good
    assert inputs.kind == "row"
    told = ["x=abc", "3 fields", "x=inf", "quote is left open", "d=31.01.2020", "write 1.5", "x=1e300", "UTF-8"]
    assert list(inputs.unreadable) == [f"line {line}" for line in bad]
    for part, why in zip(told, inputs.unreadable.values(), strict=True):
        assert part in why


@pytest.mark.parametrize("block", [1, 3, 20_000])
def test_where_rows_are_bad_the_others_are_read_as_they_would_be_alone(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.inputs.rows._BLOCK", block)
    spec = table_spec(tmp_path, rows(other={3: ",u,1", 7: "1.5,-,2"}).replace(",", ";"), separator=";", missing=["-"])
    content = 'y;x;c\n1;2,5;u\n1;2.5;"u;\nv"\n;-;w\n\n3;;new\n4;bad;u\n5; 7 ;"v"\n'
    sound = content.replace("1;2,5;u\n", "").replace("4;bad;u\n", "")
    names, values = read(open_inputs(write(tmp_path / "b.csv", content), spec, 2))
    assert torch.equal(values, read_inputs(write(tmp_path / "c.csv", sound), spec))
    assert names == ["3", "5", "7", "9"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_told_by_their_lines(end: str, tmp_path: Path) -> None:
    spec = table_spec(tmp_path)
    lines = ["x,c", "1,u", "", '2,"v', 'w"', "3,u", " ", "4,u"]
    names, _ = read(open_inputs(write(tmp_path / "b.csv", end.join(lines)), spec, 10))
    assert names == ["2", "4", "6", "8"]
    names, _ = read(open_inputs(write(tmp_path / "b.csv", end.join(["x,c", "1,u", "2,u"]) + end), spec, 10))
    assert names == ["2", "3"]
