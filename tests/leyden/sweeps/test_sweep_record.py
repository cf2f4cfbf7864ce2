"""A sweep has its directory to itself, and leaves none where it was refused."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from leyden.records.record import SWEEP
from leyden.sweeps.sweep_record import SweepRecord
from leyden.system.errors import UserError
from tests.leyden.sweeps.made_jobs import Listed, made_job


def test_a_sweep_is_run_by_one_process_at_a_time(tmp_path: Path) -> None:
    source = Listed([made_job(tmp_path, "x=1", x=1)])
    with (
        SweepRecord(tmp_path, source, "made", [], []),
        pytest.raises(UserError, match=r"is being run by process \d+ on"),
    ):
        SweepRecord(tmp_path, source, "made", [], [])
    assert json.loads((tmp_path / SWEEP).read_text())["status"] == "failed"  # left without a word


def test_the_jobs_of_a_sweep_that_was_killed_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Listed([made_job(tmp_path, "x=1", x=1)])
    with SweepRecord(tmp_path, source, "made", [], []):
        pass
    killed = json.loads((tmp_path / SWEEP).read_text()) | {"pid": None}
    (tmp_path / SWEEP).write_text(json.dumps(killed))
    waits: list[float] = []
    monkeypatch.setattr(FileLock, "acquire", lambda self, timeout: waits.append(timeout))
    SweepRecord(tmp_path, source, "made", [], [])
    assert waits == [15.0]


def test_a_sweep_that_is_refused_before_it_begins_leaves_nothing(tmp_path: Path) -> None:
    source = Listed([made_job(tmp_path / "logs", "x=1", x=1)])
    sweep_dir = tmp_path / "logs" / "sweeps" / "x"

    def refused(has_begun: bool) -> None:
        with SweepRecord(sweep_dir, source, "made", [], []):
            if has_begun:
                (sweep_dir / "x=1").mkdir()
            raise UserError("there is no such cluster")

    with pytest.raises(UserError, match="no such cluster"):
        refused(has_begun=False)
    assert not (tmp_path / "logs").exists()
    with pytest.raises(UserError, match="no such cluster"):
        refused(has_begun=True)
    assert json.loads((sweep_dir / SWEEP).read_text())["status"] == "failed"


def test_the_directory_of_another_sweep_is_refused(tmp_path: Path) -> None:
    source = Listed([made_job(tmp_path, "x=1", x=1)])
    with SweepRecord(tmp_path, source, "made", [], []):
        pass
    before = (tmp_path / SWEEP).read_text()
    for kind, swept in (("search", ["x"]), ("grid", ["y"])):
        other = Listed(source.jobs)
        other.kind, other.swept = kind, tuple(swept)
        with pytest.raises(UserError, match=r"contains a grid over x; give this sweep another name, sweep\.name=…"):
            SweepRecord(tmp_path, other, "made", [], [])
    assert (tmp_path / SWEEP).read_text() == before
    with SweepRecord(tmp_path, source, "made", [], []):
        pass
