"""Sweeps as they are typed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
FAULT = "callbacks.fault._target_=tests.leyden.sweeps.faults.Fault"


def started(*arguments: str, first: Callable[[], object] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "train.py", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=first,
    )


def typed(*arguments: str) -> tuple[int, str]:
    process = started(*arguments)
    said, _ = process.communicate(timeout=240)
    return process.returncode, said


def record(tmp_path: Path) -> dict[str, Any]:
    (path,) = (tmp_path / "logs").glob("*/sweeps/*/sweep.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def statuses(tmp_path: Path) -> dict[str, str]:
    return {job["name"]: job["status"] for job in record(tmp_path)["jobs"]}


def test_the_same_command_goes_on_and_what_failed_is_tried_again(quick: list[str], tmp_path: Path) -> None:
    sweep = ["-m", "experiment=mnist_linear", FAULT, "callbacks.fault.kind=none,raise,exit", *quick]
    status, said = typed(*sweep, "hydra/launcher=parallel", "hydra.launcher.n_jobs=2")
    assert status == 1
    assert "2 jobs not done, of which 2 failed; repeat the command to resume\n" in said
    assert "its output: output/callbacks.fault.kind=raise.txt" in said
    for name, cause in (("raise", "ValueError: this one raises"), ("exit", "ended with exit status 7")):
        (line,) = [line for line in said.splitlines() if line.startswith("failed") and f"kind={name}" in line]
        assert cause in line
    assert statuses(tmp_path) == {
        "callbacks.fault.kind=none": "finished",
        "callbacks.fault.kind=raise": "failed",
        "callbacks.fault.kind=exit": "failed",
    }
    (first,) = (tmp_path / "logs").glob("*/sweeps/*/callbacks.fault.kind=none/run.json")
    before = first.read_text()

    status, said = typed(*sweep, "sweep.on_error=stop")
    assert status == 1
    assert "1 done already" in said
    assert "Traceback" not in said  # which is in the file
    assert first.read_text() == before
    assert "kind=exit: failed" not in said  # nothing more was begun
    assert statuses(tmp_path)["callbacks.fault.kind=exit"] == "failed"


@pytest.mark.slow
def test_hydras_own_launcher_runs_the_jobs_too(quick: list[str], tmp_path: Path) -> None:
    status, said = typed("-m", "experiment=mnist_linear", "seed=1,2", "hydra/launcher=basic", *quick)
    assert status == 0, said
    assert statuses(tmp_path) == {"seed=1": "finished", "seed=2": "finished"}


@pytest.mark.sample(3)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["sweep: 2 jobs", "starting; torch is imported", "job 1 of 2"])
def test_a_signal_before_the_first_job_has_begun_is_a_word(
    moment: str, number: signal.Signals, quick: list[str], tmp_path: Path
) -> None:
    process = started("-m", "experiment=mnist_linear", "seed=1,2", *quick)
    assert process.stdout
    assert any(moment in line for line in process.stdout)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert f"interrupted by {number.name}; repeat the command to resume" in said
    if not moment.startswith("job"):
        assert "job 1 of 2" not in said
        assert "epoch" not in said
    (sweep,) = (tmp_path / "logs").rglob("sweep.json")
    assert json.loads(sweep.read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_a_sweep_in_the_background_of_a_script_is_interrupted_too(quick: list[str]) -> None:
    """A shell without job control starts what is to run in the background with SIGINT ignored."""
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    process = started("-m", "experiment=mnist_linear", "seed=1,2", *quick, first=ignore)
    assert process.stdout
    assert any("starting; torch is imported" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 130, said


@pytest.mark.sample(2)
@pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_stops_every_job_with_a_checkpoint(
    number: signal.Signals, whole_group: bool, quick: list[str], tmp_path: Path
) -> None:
    sweep = ["-m", "experiment=mnist_linear", "seed=1,2,3", *quick, "trainer.max_epochs=2000"]
    process = started(*sweep, "hydra/launcher=parallel", "hydra.launcher.n_jobs=2")
    try:
        until = time.monotonic() + 240
        while len(list((tmp_path / "logs").glob("*/sweeps/*/*/checkpoints/last.ckpt"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.2)
        os.killpg(process.pid, number) if whole_group else os.kill(process.pid, number)
        said, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 128 + number, said
    assert statuses(tmp_path) == {"seed=1": "interrupted", "seed=2": "interrupted", "seed=3": "waiting"}
    assert "repeat the command to resume" in said
    for path in (tmp_path / "logs").glob("*/sweeps/*/seed=[12]/run.json"):
        assert json.loads(path.read_text())["status"] == "interrupted"


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["optimizer.lr=0.1,-1"], "error: optimizer.lr=-1: must be greater than 0"),
        (["optimizer.lr=interval(0.1,1)"], "is the range of a search"),
        (["seed=1,2", "sweep.on_error=halt"], "error: sweep.on_error=halt: must be continue or stop"),
        (["seed=1,2", "sweep.nam=x"], "error: sweep.nam: unknown key; did you mean sweep.name"),
        (["seed=1,2", "hydra.launcher.n_job=2"], "n_job"),
        (["seed=1,2", "hydra.launcher.n_jobs=0"], "n_jobs=0: must be a number of at least 1"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(arguments: list[str], told: str, tmp_path: Path) -> None:
    status, said = typed("-m", "experiment=mnist_linear", f"paths.log_dir={tmp_path / 'logs'}", *arguments)
    assert status == 2, said
    assert len(said.splitlines()) == 1
    assert said.startswith("error: ")
    assert told in said
    assert not (tmp_path / "logs").exists()


def test_a_search_without_m_is_told_so(tmp_path: Path) -> None:
    status, said = typed("experiment=mnist_linear", "sweep=optuna_mnist", f"paths.log_dir={tmp_path / 'logs'}")
    assert (status, said) == (2, "error: sweep=optuna_mnist: is a search of many runs; add -m\n")
