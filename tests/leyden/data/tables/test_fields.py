"""Quotes with blanks beside them."""

from pathlib import Path

import pytest
import torch

from leyden.data.csv import CSV
from leyden.data.inputs.open import open_inputs
from leyden.data.tables.fields import bare_quotes
from leyden.data.tables.reader import read_table
from tests.leyden.data.inputs.opened_inputs import read
from tests.leyden.helpers.csv_files import write


@pytest.mark.parametrize(
    ("row", "plain"),
    [
        ('1, "a"\n', '1,"a"\n'),
        ('"a" , "b, ""c"" ,d" \r\n', '"a","b, ""c"" ,d"\r\n'),
        (' "a",1\n\t"b", 2', '"a",1\n"b", 2'),
        ('1, "a\n , ""b"" \n", "c"\n', '1,"a\n , ""b"" \n","c"\n'),
        ('"x, ""y"" , z",1\n', '"x, ""y"" , z",1\n'),
        ('a "b", c\n', 'a "b", c\n'),
        ('1, ""\n', '1,""\n'),
    ],
)
def test_blanks_beside_a_quote_are_no_part_of_the_field(row: str, plain: str) -> None:
    assert bare_quotes(row.encode(), ",").decode() == plain
    assert bare_quotes(row.replace(",", ";").encode(), ";").decode() == plain.replace(",", ";")


def test_a_tab_that_separates_is_no_blank() -> None:
    assert bare_quotes(b'\t"a"\t "b" \t\n', "\t") == b'\t"a"\t"b"\t\n'


def text(quoted: bool) -> str:
    blank = " " if quoted else ""
    rows = [f'{i * 7 % 13},{blank}"{"uvw"[i % 3]}, ""{i % 2}""\n,",{blank}"{i * 3 % 11}"{blank}' for i in range(40)]
    return "\n".join([f'x,{blank}"c, d"{blank},y', *rows]) + "\n"


@pytest.mark.parametrize("block", [4, 200, 1 << 24])
def test_the_table_is_that_without_blanks(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", block)
    plain, blanks = (read_table(write(tmp_path / "a.csv", text(quoted))) for quoted in (False, True))
    assert plain.equals(blanks)
    assert plain.columns == ["x", "c, d", "y"]
    assert plain["c, d"][1] == 'v, "1"\n,'


@pytest.mark.parametrize("bad", [False, True])
def test_predictions_are_those_without_blanks(bad: bool, tmp_path: Path) -> None:
    data = CSV(str(write(tmp_path / "a.csv", text(False))), "y", val_size=0, test_size=0)
    data.setup()
    more = 'bad, "u",1\n1,"u"x,1\n2, "left open,1\n' if bad else ""
    names, values = read(open_inputs(write(tmp_path / "b.csv", text(True) + more), data.spec, 100))
    assert names == [str(2 + 2 * i) for i in range(40)]
    assert torch.equal(values, read(open_inputs(tmp_path / "a.csv", data.spec, 100))[1])
