"""Files that are compressed, aligned by blanks or of old line ends are read as their plain text is."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from leyden.data.csv import CSV
from leyden.data.inputs.open import open_inputs
from leyden.data.inputs.request import kind_of_input
from leyden.data.tables.content import open_content
from leyden.data.tables.reader import read_table
from leyden.system.errors import UserError
from tests.leyden.data.inputs.opened_inputs import read
from tests.leyden.helpers.csv_files import rows, write

ALIGNED = '   x    c  y\n  1.5  a\t 2 \n\n\t3  "b c"   4\n'


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_a_compressed_file_is_read_as_it_was(
    name: str, compress: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.tables.content._STEP", 64)
    content = rows(other={7: '1.5,"a\nb",3'}).encode()
    plain, packed = write(tmp_path / "b.csv", content), write(tmp_path / name, compress(content))
    assert read_table(packed).equals(read_table(plain))
    data = CSV(str(packed), "y", test_path=str(plain), val_size=0)
    data.setup()
    assert torch.equal(data.splits["test"][0], data.splits["train"][0])
    bad = rows(other={7: '1.5,"a\nb",3', 8: "bad,u,1"}).encode()
    path = write(tmp_path / f"c{name}", compress(bad))
    assert kind_of_input(path) == "table"
    inputs = open_inputs(path, data.spec, 10)
    assert read(inputs)[0] == [str(line) for line in range(2, 43) if line not in (10, 11)]
    assert list(inputs.unreadable) == ["line 11"]


def test_a_mistake_in_a_compressed_file_has_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", gzip.compress(rows(other={30: "abc,u,1"}).encode()))
    with pytest.raises(UserError, match=r"a\.csv\.gz, line 32: x=abc"):
        read_table(path)


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(rows().encode())
    for content in (packed[:40], packed[:-1], packed[:30] + b"xxxx" + packed[34:]):
        with pytest.raises(UserError, match=r"a\.csv\.gz: cannot be decompressed .*; copy or download"):
            read_table(write(tmp_path / "a.csv.gz", content))


def test_no_more_is_decompressed_than_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.data.tables.content._STEP", 8)
    with open_content(write(tmp_path / "a.csv.gz", gzip.compress(rows().encode())), ",", most=20) as content:
        assert bytes(content) == rows().encode()[:20]


def test_columns_may_be_aligned_by_blanks(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", ALIGNED), separator=r"\s+")
    assert table.rows() == [(1.5, "a", 2), (3, "b c", 4)]
    data = CSV(str(write(tmp_path / "b.csv", rows().replace(",", "  \t "))), "y", separator=r"\s+", val_size=0)
    data.setup()
    inputs = open_inputs(write(tmp_path / "c.csv", "x  c\n1.5  u\n\nbad v\n 2.5   w  \n"), data.spec, 10)
    assert read(inputs)[0] == ["2", "5"]
    assert list(inputs.unreadable) == ["line 4"]


def test_a_file_that_ends_in_tsv_has_tabs(tmp_path: Path) -> None:
    tabs = rows().replace(",", "\t")
    for name in ("a.tsv", "a.tab", "a.TSV"):
        data = CSV(str(write(tmp_path / name, tabs)), "y", val_size=0)
        data.setup()
        assert data.spec.input_shape == (4,)
    data = CSV(str(write(tmp_path / "b.tsv", rows())), "y", separator=",")
    data.setup()
    assert data.spec.input_shape == (4,)
