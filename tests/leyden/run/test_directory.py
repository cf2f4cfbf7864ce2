"""The run directory keeps what a run was, did and found, however it ended."""

import json
import logging
import signal
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest
import yaml
from lightning.pytorch.utilities.exceptions import SIGTERMException

from leyden.config.experiment import Experiment
from leyden.records.record import latest_run
from leyden.run.directory import Run
from leyden.system.graceful_shutdown import Interrupted
from leyden.system.locks import is_live


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    run_dir = tmp_path / "some" / "now"
    inside = {"dirpath": f"{run_dir}/checkpoints", "others": [f"{run_dir}", f"{run_dir}_2", "elsewhere"]}
    paths = {"log_dir": str(tmp_path), "run_dir": str(run_dir)}
    config = {"seed": 7, "monitor": "val/acc", "paths": paths, "callbacks": inside}
    return Experiment("some", config, ["seed=7"])


def record(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.dir / "run.json").read_text())
    return content


def test_a_finished_run_keeps_config_result_and_origin(experiment: Experiment, tmp_path: Path) -> None:
    with Run(experiment) as run:
        assert record(run)["status"] == "running"
        logging.getLogger("leyden.test").warning("something to remember")
        logging.getLogger("myproject.test").info("said by the project")
        run.finish({"test/acc": 0.5})
    kept = record(run)
    assert kept["status"] == "finished"
    assert kept["metrics"] == {"test/acc": 0.5}
    assert kept["experiment"] == "some"
    assert kept["seed"] == 7
    assert kept["seconds"] >= 0
    assert kept["command"] == "python train.py seed=7"
    assert {"python", "torch", "lightning"} <= set(kept["versions"])
    assert set(kept["git"] or {"commit": 0, "dirty": 0}) - {"changes"} == {"commit", "dirty"}
    assert yaml.safe_load((run.dir / "config.yaml").read_text()) == experiment.config
    assert yaml.safe_load((run.dir / "overrides.yaml").read_text()) == ["seed=7"]
    assert "something to remember" in (run.dir / "train.log").read_text()
    assert "said by the project" in (run.dir / "train.log").read_text()  # also where no entry point set up the log
    assert latest_run(tmp_path) == run.dir.resolve()


def test_an_exception_leaves_status_failed_and_its_traceback(experiment: Experiment) -> None:
    run = Run(experiment)
    with pytest.raises(ZeroDivisionError), run:
        print(1 / 0)
    assert record(run)["status"] == "failed"
    assert record(run)["error"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in (run.dir / "train.log").read_text()


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (SIGTERMException(), 143)])
def test_an_interrupted_run_says_so_and_never_exits_with_0(
    error: BaseException, status: int, experiment: Experiment
) -> None:
    run = Run(experiment)
    with pytest.raises(SystemExit) as left, run:
        raise error
    assert left.value.code == status
    assert record(run)["status"] == "interrupted"
    assert record(run)["error"] == {130: "SIGINT", 143: "SIGTERM"}[status]


def test_lightnings_own_exit_after_ctrl_c_counts_as_an_interrupt(experiment: Experiment) -> None:
    exit_ = SystemExit(1)
    exit_.__context__ = KeyboardInterrupt()
    with pytest.raises(SystemExit) as left, Run(experiment):
        raise exit_
    assert left.value.code == 130


def test_two_runs_of_the_same_second_get_a_directory_each(experiment: Experiment, tmp_path: Path) -> None:
    with Run(experiment) as first:
        pass
    with Run(experiment) as second:
        pass
    assert second.dir == first.dir.with_name("now_2")
    assert latest_run(tmp_path) == second.dir.resolve()
    config = experiment.config
    assert config["paths"]["run_dir"] == str(second.dir)
    assert config["callbacks"]["dirpath"] == str(second.dir / "checkpoints")
    assert config["callbacks"]["others"] == [str(second.dir), f"{first.dir}_2", "elsewhere"]


def test_weights_of_the_run_that_has_the_name_already_stay_where_they_are(experiment: Experiment) -> None:
    with Run(experiment) as first:
        pass
    experiment.config["init_from"] = f"{first.dir}/checkpoints/best.ckpt"
    with Run(experiment) as second:
        pass
    assert second.dir != first.dir
    assert experiment.config["init_from"] == f"{first.dir}/checkpoints/best.ckpt"


def test_other_processes_of_a_run_write_nothing(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    with Run(experiment) as run:
        run.finish({})
    assert list(tmp_path.iterdir()) == []


def test_the_log_of_one_run_does_not_go_on_into_the_next(experiment: Experiment) -> None:
    with Run(experiment) as first:
        pass
    logging.getLogger("leyden.test").warning("afterwards")
    assert "afterwards" not in (first.dir / "train.log").read_text()


def test_commit_and_dirt_are_those_of_the_repository(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (repository / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "first")
    with Run(experiment) as run:
        pass
    assert record(run)["git"] == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (repository / "file").write_text("2")
    with Run(experiment) as run:
        pass
    assert record(run)["git"]["dirty"] is True


@pytest.mark.parametrize("error", [ZeroDivisionError(), Interrupted(SIGINT), SystemExit(3), None])
def test_however_a_run_ends_others_may_open_it_and_signals_are_as_before(
    error: BaseException | None, experiment: Experiment
) -> None:
    handlers, loggers = [signal.getsignal(number) for number in (2, 15)], list(logging.getLogger().handlers)
    run = Run(experiment)
    with pytest.raises(type(error)) if error else nullcontext(), run:
        assert is_live(run.dir)
        if error:
            raise error
    assert not is_live(run.dir)
    assert [signal.getsignal(number) for number in (2, 15)] == handlers
    assert logging.getLogger().handlers == loggers
    Run(replace(experiment, resumes=True))


def test_a_run_that_is_left_without_a_result_has_failed(experiment: Experiment) -> None:
    with Run(experiment) as run:
        pass
    assert (record(run)["status"], record(run)["error"]) == ("failed", "left without a result")


def test_a_kill_leaves_what_was_noted(experiment: Experiment) -> None:
    with Run(experiment) as run:
        run.update(1, 10, {"train/loss": 0.5, "val/acc": 0.25})
        run.update(2, 20, {"val/acc": 0.75})
        found = record(run)
        assert (found["status"], found["epochs"], found["steps"]) == ("running", 2, 20)
        assert found["metrics"] == {"train/loss": 0.5, "val/acc": 0.75}
