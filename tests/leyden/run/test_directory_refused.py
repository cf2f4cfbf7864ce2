"""A run directory on a full disk, and one of a run that is refused."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from leyden.config.experiment import Experiment
from leyden.records.record import latest_run, read_record
from leyden.run.directory import Run
from leyden.system.errors import UserError
from leyden.system.locks import is_live


def test_a_full_disk_is_told_in_one_line(
    experiment: Experiment, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def fail() -> None:
        monkeypatch.setattr("os.replace", full)
        full()

    run = Run(experiment)
    with pytest.raises(UserError, match=r"No space left on device.*free some space.*resume="), run:
        fail()
    assert "run.json: not written (No space left on device)" in caplog.text
    assert not is_live(run.dir)


def test_a_disk_that_is_full_from_the_start_is_told_and_leaves_nothing(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        here.setattr("os.fsync", Mock(side_effect=OSError(28, "No space left on device")))
        with pytest.raises(UserError, match=r"No space left on device.*free some space, then: start again"):
            Run(experiment).__enter__()
    assert list(tmp_path.iterdir()) == []
    with Run(experiment) as run:
        assert run.dir == experiment.run_dir


def test_of_a_new_run_that_is_refused_before_it_begins_nothing_is_left(experiment: Experiment, tmp_path: Path) -> None:
    def refused(begins: bool) -> Run:
        with Run(experiment) as run:
            if begins:
                run.begin()
            raise UserError("there is no such logger")

    with pytest.raises(UserError, match="no such logger"):
        refused(begins=False)
    assert list(tmp_path.iterdir()) == []  # no folder, and no `last`
    with Run(experiment) as before:
        before.finish({})
    with pytest.raises(UserError, match="no such logger"):
        refused(begins=False)
    assert [path.name for path in (tmp_path / "some").iterdir()] == ["now"]
    assert latest_run(tmp_path) == before.dir.resolve()
    with pytest.raises(UserError, match="no such logger"):
        refused(begins=True)
    assert read_record(latest_run(tmp_path) or tmp_path)["status"] == "failed"
    assert latest_run(tmp_path) != before.dir.resolve()
