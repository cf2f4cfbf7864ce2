"""Files of other kinds are named as such, and the command that converts one works as it is written, into a new file."""

import gzip
import json
import lzma
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.data.csv import CSV
from leyden.data.inputs.open import open_inputs
from leyden.data.inputs.request import kind_of_input
from leyden.data.tables.reader import read_table
from leyden.system.errors import UserError
from leyden.system.override_text import quoted_path
from tests.leyden.data.inputs.opened_inputs import table_spec
from tests.leyden.helpers.csv_files import rows, write

TEXT = rows().replace("u", "é")
TABLE = pl.read_csv(TEXT.encode())
REMEDY = re.compile(r": ((?:python|iconv|gzip|cat|mkdir|zstd|sed|grep|\() ?.*), and use (.+)$")


def database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "my table" (x REAL, c TEXT, y INTEGER)')
        connection.executemany('INSERT INTO "my table" VALUES (?, ?, ?)', TABLE.rows())
        connection.commit()


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("__MACOSX/._in.csv", "")
        file.writestr("some folder/in.csv", TEXT)


CONVERTED: dict[str, Callable[[Path], object]] = {
    "a.parquet": TABLE.write_parquet,
    "a.feather": TABLE.write_ipc,
    "rows.json": TABLE.write_json,
    "lines.json": TABLE.write_ndjson,
    "lists.json": lambda path: path.write_text(json.dumps(TABLE.to_dict(as_series=False))),
    "columns.json": lambda path: path.write_text(
        json.dumps({name: dict(enumerate(column)) for name, column in TABLE.to_dict(as_series=False).items()})
    ),
    "rows.json.gz": lambda path: path.write_bytes(gzip.compress(TABLE.write_json().encode())),
    "lists.json.xz": lambda path: path.write_bytes(lzma.compress(json.dumps(TABLE.to_dict(as_series=False)).encode())),
    "a.db": database,
    "a.zip": archive,
    "utf16.csv": lambda path: path.write_text(TEXT, encoding="utf-16"),
    "utf16le.csv": lambda path: path.write_bytes(TEXT.encode("utf-16le")),
    "utf16be.txt": lambda path: path.write_bytes(TEXT.encode("utf-16be")),
    "utf32.csv": lambda path: path.write_text(TEXT, encoding="utf-32"),
    "latin1.csv": lambda path: path.write_text(TEXT, encoding="latin1"),
    "latin1.csv.gz": lambda path: path.write_bytes(gzip.compress(TEXT.encode("latin1"))),
    "zeros.csv": lambda path: path.write_text(TEXT.replace("é", "é\0")),
    "zeros in the header.csv": lambda path: path.write_text("x\0" + TEXT[1:]),
}


def remedied(text: str, key: str = "data.path") -> Path:
    """The file that the command of a message writes, by the setting that is to use it. Nothing else is changed."""
    found = REMEDY.search(text)
    assert found, text
    argument = quoted_path(*shlex.split(found[2]))
    override = OverridesParser.create().parse_override(argument)
    new = Path(str(override.value()))
    assert override.key_or_group == key
    root = new.parent if new.parent.exists() else new.parent.parent
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert new not in before
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", found[1]], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (found[1], done.stderr)
    assert {path: path.read_bytes() for path in before} == before
    return new


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.sample(6)
@pytest.mark.parametrize("called", [None, "data.csv", "data"])
@pytest.mark.parametrize("name", CONVERTED)
def test_the_command_that_converts_a_file_works(name: str, called: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "it's a (folder)"
    folder.mkdir()
    path = folder / (called or name)
    CONVERTED[name](folder / name)
    (folder / name).rename(path)
    for other in ("a", "rows", "lines", "lists", "columns", "data", "utf16", "utf32", "latin1"):
        for taken in (".csv", "-converted.csv", "-utf8.csv", "-extracted/in.csv", "-edited.csv"):
            if other + taken != path.name:  # neither is a file that happens to be there overwritten
                (folder / (other + taken)).parent.mkdir(exist_ok=True)
                write(folder / (other + taken), "kept")
    if called is None:
        assert kind_of_input(path) == "table" or path.suffix == ".db"
    new = remedied(refused(path))
    assert read_table(new).equals(read_table(write(tmp_path / "expected.csv", TEXT)))
    assert new != remedied(refused(path)), "a second command overwrites what the first has made"


def test_a_message_names_the_setting_that_takes_the_new_file(tmp_path: Path) -> None:
    train, other = write(tmp_path / "a.csv", TEXT), tmp_path / "b.csv"
    TABLE.write_parquet(other)
    for key in ("val_path", "test_path"):
        data = CSV(str(train), target="y", **{key: str(other)})
        with pytest.raises(UserError) as caught:
            data.setup()
        remedied(str(caught.value), f"data.{key}")
    spec = table_spec(tmp_path, TEXT)
    with pytest.raises(UserError) as caught:
        open_inputs(other, spec, 2)
    remedied(str(caught.value), "input")


@pytest.mark.parametrize("name", ["a.tsv", "a.tab"])
def test_the_new_file_of_one_with_tabs_has_tabs_too(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(TEXT.replace(",", "\t"), encoding="latin1")
    with pytest.raises(UserError) as caught:
        CSV(str(tmp_path / name), target="y").setup()
    data = CSV(str(remedied(str(caught.value))), target="y")
    data.setup()
    assert data.spec.input_shape == (4,)


def test_a_spreadsheet_is_converted_into_a_new_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "a.b.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    (tmp_path / "a.b-converted").mkdir()
    text = refused(path)
    folder = tmp_path / "a.b-converted-2"
    assert f"mkdir {folder} && libreoffice --headless --convert-to csv --outdir {folder} {path}, and use" in text
    assert text.endswith(f" data.path={folder}/a.b.csv")


OTHERS = {
    "a.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet of Excel (xls); save it as CSV"),
    "a.hdf5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "a.npy": (b"\x93NUMPY\x01\x00", "NumPy"),
    "a.rds": (gzip.compress(b"X\n\0\0\0\3"), "save it from R with: write.csv(x, "),
    "a.dta": (b"<stata_dta>", "export delimited using "),
    "a.sav": (b"$FL2@(#)", "SPSS"),
    "a.pkl": (b"\x80\x04\x95", "pickle"),
    "a.pdf": (b"%PDF-1.7", "PDF"),
    "a.png": (b"\x89PNG", "image"),
    "a.7z": (b"7z\xbc\xaf\x27\x1c", "archive"),
    "a.csv.zst": (b"\x28\xb5\x2f\xfd", "zstd -d "),
    "a.html": (b"\n <!DOCTYPE html>\n<html>", "page of HTML or XML"),
    "a.xml": (b"<?xml version='1.0'?>", "page of HTML or XML"),
    "a.csv": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull --include="),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_are_named_whatever_they_are_called(name: str, tmp_path: Path) -> None:
    content, what = OTHERS[name]
    for other in (name, "data.csv"):
        with pytest.raises(UserError, match=re.escape(what)):
            read_table(write(tmp_path / other, content))


@pytest.mark.parametrize(("inner", "what"), [("xl/workbook.xml", "Excel (xlsx)"), ("content.xml", "LibreOffice (ods)")])
def test_workbooks_are_no_plain_archives(inner: str, what: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as file:
        file.writestr("mimetype", "")
        file.writestr(inner, "")
    with pytest.raises(UserError, match=re.escape(what)):
        read_table(tmp_path / "a.csv")


def test_a_tar_archive_is_extracted(tmp_path: Path) -> None:
    write(tmp_path / "in.csv", TEXT)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as file:
        file.add(tmp_path / "in.csv", "in.csv")
    with pytest.raises(UserError, match="is a tar archive; extract it: ") as caught:
        read_table(tmp_path / "a.tar.gz")
    path = remedied(str(caught.value))
    assert path == tmp_path / "a-extracted" / "in.csv"
    assert path.read_text() == TEXT


@pytest.mark.parametrize("header", ["[x],y", "{x},y", "PK,y", "<x>,y", '"{x}",y', "X,y", "BZ,y", "version,y"])
def test_names_that_look_like_another_kind_are_names(header: str, tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.csv", f"{header}\n1,2\n3,4\n")).shape == (2, 2)
