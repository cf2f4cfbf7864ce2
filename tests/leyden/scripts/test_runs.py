"""scripts/runs.py: which runs are listed, and in which order."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from leyden.records.listing import known_columns, list_runs, make_filter, sort_runs
from tests.leyden.scripts.listed_runs import SCRIPT, keep

pytestmark = pytest.mark.usefixtures("logs")


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
