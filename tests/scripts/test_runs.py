"""scripts/runs.py: a list of records that were written by hand."""

import json
import runpy
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from leyden.record import finite
from leyden.runs import known_columns, list_runs, make_filter, sort_runs
from tests.scripts.running import runner

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "runs.py"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def keep(run: str, days: float = 0, /, **record: Any) -> None:
    """A run, below the working directory, that started so many days ago."""
    path = Path(run, "run.json")
    path.parent.mkdir(parents=True)
    started = (NOW - timedelta(days=days)).isoformat(timespec="seconds")
    whole = {"status": "finished", "experiment": path.parts[1], "started": started, "monitor": "val/acc", "seed": 1}
    whole |= {"seconds": 140.2, "epochs": 3, "steps": 900, "git": {"commit": "0123456789abcdef", "dirty": False}}
    path.write_text(json.dumps(whole | record))


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six runs: two plain, one of a sweep, one of a regression that failed, one killed, one for debugging."""
    monkeypatch.chdir(tmp_path)
    keep("logs/mnist_mlp/one", 2, metrics={"best/val/acc": 0.97, "val/acc": 0.96, "test/acc": 0.975, "test/loss": 0.1})
    keep("logs/mnist_mlp/two", 1, metrics={"best/val/acc": 0.98, "test/acc": 0.981}, seed=2, epochs=12)
    sweep = {"best/val/acc": 0.9, "test/acc": float("nan")}
    keep("logs/mnist_linear/sweeps/then/optimizer.lr=0.1,seed=3", 5, metrics=sweep, seed=3)
    keep("logs/csv_mlp/four", 4, status="failed", monitor="val/loss", metrics={"val/loss": 0.25, "test/r2": 0.8})
    keep("logs/mnist_mlp/five", 3, status="running", git={"commit": "fedcba9876543210", "dirty": True}, metrics={})
    keep("logs/debug/mnist_mlp/six", 0, metrics={"test/acc": 0.1})


run = runner(SCRIPT)


def names(*filters: str, sort: str = "started", reverse: bool = True) -> list[str]:
    """The runs that fit, each by the last part of its path."""
    found = list_runs().runs
    known = known_columns(found)
    fit = [run for run in found if all(make_filter(typed, known)(run) for typed in filters)]
    return [run.dir.name for run in sort_runs(fit, sort, reverse)]


def test_the_newest_come_first_and_those_of_sweeps_are_there() -> None:
    assert [run.dir.name for run in list_runs().runs] == ["two", "one", "five", "four", "optimizer.lr=0.1,seed=3"]


def test_debug_runs_are_left_out_unless_they_are_asked_for() -> None:
    assert list_runs().debug == 1
    assert list_runs(debug=True).runs[0].dir == Path("logs/debug/mnist_mlp/six")
    assert [run.dir.name for run in list_runs(["logs/debug"]).runs] == ["six"]
    both = list_runs(["logs", "logs/debug", "logs/mnist_mlp"])
    assert len(both.runs) == 6
    assert both.debug == 0


def test_a_run_that_nobody_runs_any_more_was_killed() -> None:
    assert names("status=killed") == ["five"]
    with FileLock("logs/mnist_mlp/five/.lock"):
        assert names("status=killed") == []
        assert names("status=running") == ["five"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("best>0.97", ["two"]),
        ("best>=0.97", ["two", "one"]),
        ("best<0.97", ["four", "optimizer.lr=0.1,seed=3"]),  # by the metric that each run monitors
        ("test/acc>0", ["two", "one"]),  # NaN is not above anything
        ("test/r2<=0.8", ["four"]),
        ("epochs=12", ["two"]),
        ("seed!=1", ["two", "optimizer.lr=0.1,seed=3"]),
        ("experiment=mnist_*", ["two", "one", "five", "optimizer.lr=0.1,seed=3"]),
        ("experiment=mnist", []),
        ("run=*/sweeps/*", ["optimizer.lr=0.1,seed=3"]),
        ("status!=finished", ["five", "four"]),
        ("commit=fedcba9", ["five"]),
        ("commit=fedcba9*", ["five"]),
        ("commit=fedcba9876543210", ["five"]),
        ("started>=2026-01-29T00:00+00:00", ["two", "one"]),
        ("duration>140", ["two", "one", "five", "four", "optimizer.lr=0.1,seed=3"]),
    ],
)
def test_filters(typed: str, expected: list[str]) -> None:
    assert names(typed) == expected


def test_runs_that_have_nothing_in_a_column_come_last_either_way() -> None:
    assert names(sort="test/acc", reverse=False)[:2] == ["one", "two"]
    assert names(sort="test/acc", reverse=True)[:2] == ["two", "one"]
    assert names(sort="seed", reverse=False)[-2:] == ["two", "optimizer.lr=0.1,seed=3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bset>0.9"], "bset>0.9: there is no column bset; did you mean best?"),
        (["test/ac>0.9"], "test/ac>0.9: there is no column test/ac; did you mean test/acc or "),
        (["--sort", "bset"], "--sort bset: there is no column bset; did you mean best?"),
        (["status=finishd"], "status=finishd: there is no such status; did you mean finished?"),
        (["best>high"], "best>high: high is no number\n"),
        (["started>monday"], "started>monday: monday is no date; write it as 2026-01-31 or "),
        (["experiment>a"], "experiment>a: experiment is a text; compare it with = or !=\n"),
        (["logs/nowhere"], "logs/nowhere: is neither a folder nor a filter such as status=failed or 'best>0.9'\n"),
        (["--limit", "0"], "--limit=0: must be at least 1\n"),
        (["--revers", "--josn"], "unrecognized arguments: --josn; python scripts/runs.py --help tells more\n"),
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


def test_what_strict_json_does_not_know_is_null() -> None:
    assert finite({"a": [float("nan"), (1.5, float("-inf"))], 2: None}) == {"a": [None, [1.5, None]], "2": None}


def test_two_thousand_runs_are_listed_without_torch() -> None:
    for number in range(2000):
        keep(f"logs/many/{number}", number, metrics={"best/val/acc": number / 2000, "test/acc": 0.5})
    assert len(list_runs().runs) == 2005
    program = (
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__'); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2006
