"""What predict.py is asked for is checked before anything else, and refused in one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leyden.data.inputs.request import Request, check_request
from leyden.system.errors import UserError
from tests.leyden.helpers.csv_files import write as write_text
from tests.leyden.helpers.predicted_runs import finished_runs

ROOT = Path(__file__).parents[3]


def test_a_request_is_checked(tmp_path: Path) -> None:
    settings = {"input": None, "output": None, "ckpt": "best", "top_k": 3, "batch_size": None}
    assert check_request(settings, tmp_path) == Request(None, tmp_path / "predictions" / "test.csv")
    table = write_text(tmp_path / "a.b.csv", "x")
    made = check_request({**settings, "input": str(table), "batch_size": 7}, tmp_path)
    assert made == Request(table, tmp_path / "predictions" / "a.b.csv", batch_size=7)
    assert check_request({**settings, "input": f"{tmp_path}/."}, tmp_path).output.name == f"{tmp_path.name}.csv"
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"input": "nowhere.png"}, r"^input=nowhere\.png: is not there; give an image"),
        (
            {"input": str(write_text(tmp_path / "a.doc", "x"))},
            r"a\.doc: is no image \(jpg, .*\(csv, dat, data, tab, tsv, txt\)",
        ),
        ({"output": str(tmp_path)}, r"^output=.*: is a folder"),
        ({"input": str(table), "output": str(tmp_path / "." / "a.b.csv")}, r"^output=.*: is the input itself"),
        ({"output": f"{table}/new/b.csv"}, r"a\.b\.csv is a file, not a folder"),
        ({"top_k": 0}, "^top_k=0: must be"),
        ({"top_k": None}, "^top_k=None: must be"),
        ({"batch_size": True}, "^batch_size=True: must be"),
    ]
    for wrong, message in mistakes:
        with pytest.raises(UserError, match=message):
            check_request({**settings, **wrong}, tmp_path)


TRY_EACH = """
import contextlib, io, json, runpy, sys
said = {}
for typed in json.load(sys.stdin):
    out, error, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        sys.argv = ["predict.py", *typed.split()]
        try:
            runpy.run_path("predict.py", run_name="__main__")
        except SystemExit as exit:
            status = exit.code
    said[typed] = status, out.getvalue() + error.getvalue(), "torch" in sys.modules
print(json.dumps(said))
"""


@pytest.mark.slow
def test_the_command_answers_a_mistake_in_one_line_before_torch_is_imported(tmp_path: Path) -> None:
    ran = finished_runs(tmp_path, "pictures")
    run = f"run={ran.dirs['pictures']}"
    mistakes = {
        "input=a.png": ["run: no value given"],
        f"{run} input=nowhere.png": ["input=nowhere.png", "is not there"],
        f"{run} inptu=a.png": ["inptu", "did you mean input"],
        f"{run} top_k=0": ["top_k=0"],
        f"{run} model.hidden=1": ["model.hidden"],
    }
    picture = f"{run} trainer=cpu input={ran.folder}/pictures/test/cat/000.png output={ran.folder}/door.csv"
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH],
        cwd=ROOT,
        input=json.dumps([*mistakes, picture]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for typed, parts in mistakes.items():
        status, text, torch_imported = said[typed]
        assert (status, torch_imported) == (2, False), (typed, text)
        lines = text.splitlines()
        assert len(lines) == 1, (typed, text)
        assert lines[0].startswith("error: ")
        assert all(part in text for part in parts), (typed, text)
    assert said[picture][0] is None, said[picture][1]
    assert (ran.folder / "door.csv").read_text().startswith("input,class,probability,class_2,")
