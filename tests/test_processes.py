"""A run of several processes is one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leyden.config import compose
from leyden.processes import rank
from leyden.train import run_experiment

ROOT = Path(__file__).parents[1]


def test_the_first_process_speaks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    assert rank() == 0
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert rank() == 1
    monkeypatch.setenv("RANK", "0")  # torchrun's number over all machines is the one that counts
    assert rank() == 0


def test_two_processes_share_one_directory_and_one_voice(quick: list[str], tmp_path: Path) -> None:
    settings = [s for s in quick if not s.startswith(("trainer.accelerator", "trainer.limit_test"))]
    command = [
        sys.executable,
        "train.py",
        "experiment=mnist_linear",
        "trainer=ddp_cpu",
        *settings,
        "data.batch_size=64",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    runs = [path for path in (tmp_path / "logs" / "mnist_linear").iterdir() if path.is_dir()]
    assert len(runs) == 1
    record = json.loads((runs[0] / "run.json").read_text())
    assert record["status"] == "finished"
    alone = [s.replace(str(tmp_path / "logs"), str(tmp_path / "alone")) for s in settings]
    experiment = compose(["experiment=mnist_linear", "trainer=cpu", *alone, "data.batch_size=128"])
    run_experiment(experiment)
    one = json.loads((experiment.run_dir / "run.json").read_text())["metrics"]
    assert record["metrics"] == pytest.approx(one, abs=1e-4)  # the same batches, in two halves
    assert done.stdout.count("epoch 1/1") == 1
    assert done.stdout.count("test: loss") == 1
