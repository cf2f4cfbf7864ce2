"""What a person may get wrong about a CSV file: one line that names it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leyden.data.csv import CSV
from leyden.data.tables.header import Header
from leyden.data.tables.reader import read_table
from leyden.data.tables.row_checks import RowBlock
from leyden.system.errors import UserError
from tests.leyden.data.tables.mistaken_files import MISTAKES
from tests.leyden.helpers.csv_files import in_files, refused_in_one_line, rows, write

ROOT = Path(__file__).parents[4]
AT_THE_DOOR = [
    "no file",
    "an empty file",
    "no such target",
    "early text among numbers",
    "a short row",
    "latin1 in a row",
]
AT_THE_DOOR += ["infinity", "an open quote", "another separator", "an identifier"]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    refused_in_one_line(MISTAKES[name], tmp_path)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", rows()).chmod(0)
    with pytest.raises(UserError, match=r"a\.csv: cannot be read \(Permission denied\)"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["an open quote", "a short row", "a long row", "latin1 in a row", "infinity"])
def test_a_mistake_behind_a_block_has_its_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = in_files(MISTAKES[name], tmp_path)
    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", 24)
    with pytest.raises(UserError, match=r"line (7|9)[,:]"):
        CSV(**settings).setup()


def test_lines_are_counted_only_where_something_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(place: RowBlock, number: int) -> int:
        raise AssertionError

    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", 24)
    monkeypatch.setattr(RowBlock, "line", counted)
    read_table(write(tmp_path / "a.csv", rows(other=dict.fromkeys(range(9, 30), '1,"a\nb",'))))


def test_lines_are_counted_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.data.tables.content._STEP", 7)
    content = rows().encode()
    place = RowBlock(tmp_path / "a.csv", content, Header(["x", "c", "y"], frozenset(), ",", 0, 1), b"", 100)
    assert place.line(3) == content[:100].count(b"\n") + 4


TRY_EACH = """
import contextlib, io, json, runpy, sys
said = {}
for name, typed in json.load(sys.stdin).items():
    out, error, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        sys.argv = ["train.py", "data=csv", *typed]
        try:
            runpy.run_path("train.py", run_name="__main__")
        except SystemExit as exit:
            status = exit.code
    said[name] = status, out.getvalue() + error.getvalue()
print(json.dumps(said))
"""


@pytest.mark.slow
def test_the_door_answers_in_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    typed = {}
    for number, name in enumerate(AT_THE_DOOR):
        folder = tmp_path / str(number)
        folder.mkdir()
        values = {
            key: f"[{','.join(v)}]" if isinstance(v, list) else v for key, v in in_files(MISTAKES[name], folder).items()
        }
        typed[name] = [f"data.{key}={value}" for key, value in values.items()] + [f"paths.log_dir={tmp_path / 'logs'}"]
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH], cwd=ROOT, input=json.dumps(typed), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name, (status, text) in json.loads(done.stdout.splitlines()[-1]).items():
        assert status == 2, (name, text)
        assert text.startswith("error: "), (name, text)
        assert text.count("\n") == 1, (name, text)
        for part in MISTAKES[name][2]:
            assert part in text, (name, text)
    assert not (tmp_path / "logs").exists()
