"""A run directory that is opened again."""

import json
import logging
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.config.experiment import Experiment
from leyden.records.record import latest_run
from leyden.run.directory import Run
from leyden.system.errors import UserError
from leyden.system.locks import is_live
from tests.leyden.helpers.opened_runs import again, interrupt, record


def test_a_run_that_goes_on_keeps_its_record_and_adds_to_it(experiment: Experiment) -> None:
    first = record(interrupt(experiment, after=0.02))
    assert (first["status"], first["error"], first["epochs"], first["steps"]) == ("interrupted", "SIGTERM", 1, 10)
    assert first["seconds"] >= 0.02
    with Run(again(experiment)) as run:
        run.begin()
        assert record(run)["status"] == "running"
        assert "error" not in record(run)
        assert record(run)["metrics"] == {"val/acc": 0.5}
        time.sleep(0.02)
        run.update(2, 20, {"val/loss": 0.25})
        run.finish({"test/acc": 0.75})
    last = record(run)
    assert last["status"] == "finished"
    assert last["metrics"] == {"test/acc": 0.75}
    assert (last["epochs"], last["steps"]) == (2, 20)
    assert last["seconds"] >= first["seconds"] + 0.02
    assert last["started"] == first["started"]
    assert len(last["resumed"]) == 1
    assert last["command"] == "python train.py seed=7"
    with Run(again(experiment)) as run:
        run.begin()
        run.finish({})
    assert len(record(run)["resumed"]) == 2
    assert record(run)["seconds"] >= last["seconds"]


def test_it_stays_in_its_directory_and_keeps_what_was_changed(experiment: Experiment, tmp_path: Path) -> None:
    first = interrupt(experiment)
    with Run(again(experiment, "trainer.max_epochs=3", trainer={"max_epochs": 3})) as run:
        run.begin()
        run.finish({})
    assert run.dir == first.dir
    assert [path.name for path in run.dir.parent.iterdir()] == ["now"]
    assert yaml.safe_load((run.dir / "config.yaml").read_text())["trainer"] == {"max_epochs": 3}
    assert yaml.safe_load((run.dir / "overrides.yaml").read_text()) == ["seed=7", "trainer.max_epochs=3"]


def test_it_becomes_the_newest_again(experiment: Experiment, tmp_path: Path) -> None:
    first = interrupt(experiment)
    other = replace(experiment, config=experiment.config | {"paths": dict(experiment.config["paths"])})
    with Run(other) as second:
        second.finish({})
    assert latest_run(tmp_path) == second.dir.resolve() != first.dir.resolve()
    other = again(other, paths=experiment.config["paths"] | {"run_dir": str(first.dir)})
    with Run(other) as run:
        run.begin()
    assert latest_run(tmp_path) == first.dir.resolve()


def test_the_log_goes_on_in_the_same_file(experiment: Experiment) -> None:
    run = Run(experiment)
    with run:
        logging.getLogger("leyden.test").info("from the first")
    with Run(again(experiment)) as second:
        logging.getLogger("leyden.test").info("from the second, before it begins")
        second.begin()
        logging.getLogger("leyden.test").info("from the second")
    text = (run.dir / "train.log").read_text()
    assert text.index("from the first") < text.index("from the second")


def test_a_run_that_is_open_is_refused_and_left_alone(experiment: Experiment) -> None:
    with Run(experiment) as run:
        before = {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()}
        who = f"process {record(run)['pid']} on {socket.gethostname()}"
        with pytest.raises(UserError) as refusal:
            Run(again(experiment))
        assert str(refusal.value) == f"resume={run.dir}: is in use by {who}; wait for it, or end it"
        assert {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()} == before


def test_half_written_files_of_a_kill_are_removed(experiment: Experiment) -> None:
    run = interrupt(experiment)
    (run.dir / "checkpoints").mkdir()
    leftovers = [run.dir / ".run.json.123.tmp", run.dir / "checkpoints" / ".last.ckpt.123.tmp"]
    others = [run.dir / "mine.tmp", run.dir / "checkpoints" / "best.ckpt"]
    for path in leftovers + others:
        path.touch()
    with Run(again(experiment)) as opened:
        opened.begin()
        assert not any(path.exists() for path in leftovers)
        assert all(path.exists() for path in others)


def test_other_code_than_the_run_began_with_is_told(experiment: Experiment, caplog: Any) -> None:
    run = interrupt(experiment)
    with caplog.at_level(logging.WARNING), Run(again(experiment)):
        assert "other than when" not in caplog.text
    (run.dir / "run.json").write_text(json.dumps(record(run) | {"versions": {"torch": "0"}}))
    with caplog.at_level(logging.WARNING), Run(again(experiment)):
        assert "versions of packages have changed since the run began" in caplog.text


def test_other_processes_of_a_run_that_goes_on_write_and_lock_nothing(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = interrupt(experiment)
    (run.dir / "metrics.csv").write_text("loss,step\n0.5,4\n")
    before = {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()}
    monkeypatch.setenv("LOCAL_RANK", "1")
    with Run(again(experiment)) as opened:
        assert not is_live(run.dir)
        opened.checkpoint_to_resume()
        opened.begin()
        opened.update(1, 1, {})
        opened.finish({})
    assert {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()} == before
