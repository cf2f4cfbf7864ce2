"""leyden.sweeps.summary: which sweep is meant, and what is believed of what lies in its directory."""

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from leyden.sweeps.summary import as_table, find_sweep, save, summarize
from leyden.system.errors import UserError
from tests.leyden.helpers.kept_sweeps import finished, keep_sweep


def test_the_newest_sweep_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="last: there is no sweep in logs yet"):
        find_sweep("last")
    keep_sweep(Path("logs/a/sweeps/old"), [], started="2026-01-01T00:00:00+00:00")
    keep_sweep(Path("logs/b/sweeps/new"), [], started="2026-01-02T00:00:00+05:00")
    keep_sweep(Path("logs/c/sweeps/mid"), [], started="2026-01-01T18:30:00+00:00")
    assert find_sweep("last") == Path("logs/b/sweeps/new")
    assert find_sweep("logs/a/sweeps/old/sweep.json") == Path("logs/a/sweeps/old")
    Path("logs/d").mkdir()
    with pytest.raises(
        UserError, match=r"logs/d: is not a sweep, it has no sweep.json; python scripts/runs.py logs/d "
    ):
        find_sweep("logs/d")
    with pytest.raises(UserError, match=r"sweep.json; the newest below it: logs/a/sweeps/old$"):
        find_sweep("logs/a")
    for day in range(1, 5):
        keep_sweep(Path(f"logs/d/sweeps/{day}"), [], started=f"2025-01-0{day}T00:00:00+00:00")
    named = "logs/b/sweeps/new, logs/c/sweeps/mid, logs/a/sweeps/old, logs/d/sweeps/4, logs/d/sweeps/3 and 2 more"
    with pytest.raises(UserError, match=f"logs: is not a sweep, it has no sweep.json; the newest below it: {named}$"):
        find_sweep("logs")
    with pytest.raises(UserError, match="nowhere: no such directory"):
        find_sweep("nowhere")


def test_directories_are_believed_and_where_there_is_none_the_sweep_is(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [
        {"settings": {"n": 1}, "status": "running", "record": finished(best__val__loss=0.5)},
        {"settings": {"n": 2}, "status": "finished", "values": {"val/loss": 0.25}},  # its directory was deleted
        {"settings": {"n": 3}, "status": "running"},
        {"settings": {"n": 4}, "status": "failed", "error": "killed by SIGKILL", "record": finished("running")},
        {"settings": {"n": 5}, "status": "running", "record": finished("pruned", val__loss=0.75)},
    ]
    sweep = keep_sweep(tmp_path / "s", jobs, status="running")
    summary = summarize(sweep)
    assert [(group.settings["n"], group.values["val/loss"].mean) for group in summary.groups] == [(2, 0.25), (1, 0.5)]
    told = [(r.settings["n"], r.status, r.cause(summary.objectives)) for r in summary.rest]
    assert told == [
        (3, "killed", ""),
        (4, "killed", "killed by SIGKILL"),
        (5, "pruned", "after 3 epochs, val/loss 0.75"),
    ]
    assert "; killed: repeat the command to resume; " in as_table(summary).plain
    with FileLock(sweep / ".lock"):
        summary = summarize(sweep)
        assert "; still running; " in as_table(summary).plain
        assert [result.status for result in summary.rest] == ["killed", "running", "pruned"]


def test_what_is_damaged_is_told_in_a_line_or_gone_without(tmp_path: Path) -> None:
    sweep = keep_sweep(tmp_path / "s", [{"settings": {"n": 1}, "record": finished(best__val__loss=0.5)}])
    (sweep / "n=1" / "run.json").write_text('{"status": "fin')
    assert summarize(sweep).rest == []  # sweep.json knows that it finished, and with what
    for content in ("", "[]", "{}", '{"jobs": 1}', '{"jobs": [', "\0", "[" * 100_000):
        (sweep / "sweep.json").write_text(content)
        with pytest.raises(UserError, match=r"sweep.json: (cannot be read|is not the record of a sweep)") as refused:
            summarize(sweep)
        assert "\n" not in str(refused.value)
    odd: list[Any] = [1, None, {}, {"name": 3}, {"name": "n=1"}, {"name": "x", "settings": 1, "overrides": "a"}]
    odd += [{"name": "y", "settings": {"n": 1}, "status": 7, "values": [], "epochs": "3", "trial": True, "error": {}}]
    for more in ({}, {"swept": "n", "objectives": {"val/loss": "sideways", "x": 1}, "constants": 3, "git": "a"}):
        (sweep / "sweep.json").write_text(json.dumps({"jobs": odd, "status": ["?"], **more}))
        summary = summarize(sweep)
        assert summary.warnings == [f"{sweep}: 4 jobs without a name are left out"]
        assert [result.name for result in summary.results] == ["n=1", "x", "y"]
        save(summary)
        assert as_table(summary, 40).plain


def test_what_counts_is_found_in_the_jobs_where_the_sweep_does_not_say_it(tmp_path: Path) -> None:
    sweep = keep_sweep(tmp_path / "s", [{"settings": {"n": 1}, "record": finished(val__f1=0.5)}], objectives=None)
    (sweep / "n=1" / "config.yaml").write_text("monitor: val/f1\nmode: max\n")
    assert summarize(sweep).objectives == {"val/f1": "max"}
    (sweep / "n=1" / "config.yaml").unlink()
    summary = summarize(sweep)
    assert summary.objectives == {}
    assert "not ranked: no objective is recorded" in as_table(summary).plain
    assert "run the best again" not in as_table(summary).plain
