"""scripts/runs.py: what it tells of runs, as a table and as JSON, and of mistakes."""

import json
import runpy
from pathlib import Path

import pytest

from leyden.records.listing import list_runs
from leyden.records.record import finite
from tests.leyden.scripts.listed_runs import NOW, SCRIPT, keep
from tests.leyden.scripts.running import runner

pytestmark = pytest.mark.usefixtures("logs")
run = runner(SCRIPT)


def test_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "logs/mnist_mlp", "--sort", "best", "--reverse", "--limit", "2") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "experiment status best val/acc test/acc epochs duration started commit run"
    assert first.split()[:4] == ["mnist_mlp", "finished", "0.9800", "0.9810"]
    assert second.split()[:4] == ["mnist_mlp", "finished", "0.9700", "0.9750"]
    assert "12  2 min 20 s  " in first
    assert first.endswith("d ago  0123456  logs/mnist_mlp/two")


def test_columns_make_room_where_the_terminal_is_narrow_and_paths_stay_whole() -> None:
    as_table = runpy.run_path(str(SCRIPT))["as_table"]
    runs = list_runs().runs
    wide = as_table(runs, None, None, NOW).plain.splitlines()
    assert " ".join(wide[0].split()) == "experiment status best test/acc test/r2 epochs duration started commit run"
    assert wide[1].endswith("1 d ago  0123456   logs/mnist_mlp/two")
    assert wide[3].endswith("3 d ago  fedcba9*  logs/mnist_mlp/five")
    assert "  0.9800 val/acc  " in wide[1]  # as they do not all monitor the same
    assert "  0.2500 val/loss  " in wide[4]
    assert "val/" not in wide[3]
    for width, sort in ((100, "seed"), (80, "commit"), (60, "seed"), (20, "test/r2")):
        table = as_table(runs, sort, width, NOW).plain.splitlines()
        assert len(table) == 6
        assert width == 20 or all(len(line) <= width for line in table if "/sweeps/" not in line)
        assert {"status", sort, "run"} <= set(table[0].split()) < {*wide[0].split(), sort}
        assert [line.split()[-1] for line in table[1:]] == [str(run.dir) for run in runs]


def test_json_is_strict_and_complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("logs/foreign").mkdir()
    Path("logs/foreign/run.json").write_text("[]")
    assert run(monkeypatch, "experiment=mnist_*", "--sort", "seed", "--reverse", "--json") == 0
    records = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert [record["seed"] for record in records] == [3, 2, 1, 1]
    assert records[0]["metrics"] == {"best/val/acc": 0.9, "test/acc": None}
    assert records[0]["dir"] == "logs/mnist_linear/sweeps/then/optimizer.lr=0.1,seed=3"
    assert {record["dir"]: record["status"] for record in records}["logs/mnist_mlp/five"] == "killed"


def test_what_strict_json_does_not_know_is_null() -> None:
    assert finite({"a": [float("nan"), (1.5, float("-inf"))], 2: None}) == {"a": [None, [1.5, None]], "2": None}


def test_records_of_others_are_left_out_with_one_line_and_old_ones_may_lack_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("half", '{"status": "fin'), ("list", "[1]"), ("other", '{"name": "wandb"}'), ("nil", "")):
        Path("logs/foreign", name).mkdir(parents=True)
        Path("logs/foreign", name, "run.json").write_text(content)
    keep("logs/old/bare", metrics=None, git=None, started="long ago", seconds="?", epochs=True, monitor=None, seed=None)
    Path("logs/old/least").mkdir()
    Path("logs/old/least/run.json").write_text('{"status": "finished", "metrics": {"best/val/acc": 0.5, "x": "y"}}')
    assert run(monkeypatch, "--sort", "best") == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 8
    assert lines[2].split() == ["finished", "0.5000", "val/acc", "logs/old/least"]
    assert lines[-1].split() == ["old", "finished", "logs/old/bare"]
    warnings = [line for line in said.err.splitlines() if line.startswith("warning: left out: logs/foreign/")]
    assert len(warnings) == 1
    assert warnings[0].endswith("(and 3 more)")


def test_where_there_is_no_run_one_line_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    assert run(monkeypatch, "best>0.9") == 0
    assert capsys.readouterr().out == "no run in logs yet; make one: python train.py experiment=mnist_mlp\n"
    assert run(monkeypatch, "--json") == 0
    assert capsys.readouterr().out == "[]\n"


def test_that_no_run_fits_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "seed=7", "best>0.5") == 0
    said = capsys.readouterr()
    assert said.out == "none of 5 runs in logs is seed=7 and best>0.5\n"
    assert said.err == "1 debug run not shown; add --all\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bset>0.9"], "bset>0.9: there is no column bset; did you mean 'best>0.9'?"),
        (["test/ac>0.9"], "test/ac>0.9: there is no column test/ac; did you mean 'test/acc>0.9'?"),
        (["--sort", "bset"], "--sort bset: there is no column bset; did you mean --sort best?"),
        (["status=finishd"], "status=finishd: there is no such status; did you mean status=finished?"),
        (["best>high"], "best>high: high is not a number\n"),
        (["started>monday"], "started>monday: monday is not a date; write it as 2026-01-31 or "),
        (["experiment>a"], "experiment>a: experiment is a text; compare it with = or !=\n"),
        (["logs/nowhere"], "logs/nowhere: is neither a folder nor a filter such as status=failed or 'best>0.9'\n"),
        (["--limit", "0"], "--limit=0: must be at least 1\n"),
        (["--revers", "--josn"], "unrecognized arguments: --josn; python scripts/runs.py --help lists the options\n"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1
    assert said.out == ""
