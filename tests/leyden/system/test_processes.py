"""A run of several processes is one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.system.processes import rank
from leyden.training.train import run_experiment

ROOT = Path(__file__).parents[3]


NAMES = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")


@pytest.mark.parametrize(
    ("given", "is_first"),
    [
        ({}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),
        ({"RANK": "0", "LOCAL_RANK": "1"}, True),  # torchrun's number over all machines is the one that counts
        ({"RANK": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False),
        ({"NODE_RANK": "1"}, False),
        ({"GROUP_RANK": "1", "LOCAL_RANK": "0"}, False),
        ({"SLURM_PROCID": "3", "LOCAL_RANK": "0"}, False),
        ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, False),  # started from an interactive shell
        ({"SLURM_PROCID": "0"}, True),
    ],
)
def test_the_first_process_speaks_for_all(
    given: dict[str, str], is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert (rank() == 0) == is_first


@pytest.mark.slow
def test_two_processes_share_one_directory_and_one_voice(quick: list[str], tmp_path: Path) -> None:
    settings = [s for s in quick if not s.startswith(("trainer.accelerator", "trainer.limit_test"))]
    done = torchrun("experiment=mnist_linear", "trainer=ddp_cpu", *settings, "data.batch_size=64")
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


def test_a_sweep_is_not_started_twice() -> None:
    done = torchrun("-m", "experiment=mnist_linear", "seed=1,2")
    assert done.stderr.count("error: -m: a sweep starts its own processes; leave torchrun out") == 1
    assert "exitcode  : 2" in done.stderr


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """train.py in two processes that torchrun starts."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
