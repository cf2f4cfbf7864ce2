"""Command lines of scripts, and the commands they print."""

import shlex
from pathlib import Path

import pytest

from leyden.cli.script_options import ScriptParser, next_command, progress_bar
from leyden.system.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


def test_what_was_typed_is_kept_in_quotes_and_the_setting_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    typed = [
        "experiment=csv_mlp",
        "data.ignore=[id]",
        "++optimizer.lr=1",
        "optimizer.lr_scale={output: 10}",
        "data.path=it's.csv",
    ]
    printed = next_command(ROOT, "train.py", typed, optimizer__lr=0.01)
    assert printed.startswith(
        "python train.py experiment=csv_mlp 'data.ignore=[id]' 'optimizer.lr_scale={output: 10}' "
    )
    assert shlex.split(printed)[2:] == [*typed[:2], *typed[3:], "optimizer.lr=0.01"]


def test_the_program_is_found_from_where_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = shlex.split(next_command(ROOT, "scripts/find_lr.py", []))[1]
    assert (tmp_path / program).resolve() == ROOT / "scripts" / "find_lr.py"


def test_options_may_stand_between_overrides() -> None:
    parser = ScriptParser("a script", overrides=True)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_intermixed_args(["a=1", "--steps", "3", "b=2"])
    assert (arguments.overrides, arguments.steps) == (["a=1", "b=2"], 3)
    with pytest.raises(UserError, match=r"unrecognized arguments: --lr; python scripts/.* --help lists the options"):
        parser.parse_intermixed_args(["--lr", "1"])


def test_no_bar_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("steps", 3) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
