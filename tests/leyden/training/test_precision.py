"""Precisions other than 32 bits: each trains, or is refused before there is a run directory."""

from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.config.compose import compose
from leyden.records.record import read_record
from leyden.system.errors import UserError
from leyden.training.build import build_trainer
from leyden.training.train import run_experiment

HALF: list[dict[str, Any]] = [
    {"accelerator": "cpu", "precision": "16-true"},
    {"accelerator": "auto", "precision": "16-true"},
    {
        "accelerator": "cpu",
        "plugins": [{"_target_": "lightning.pytorch.plugins.HalfPrecision", "precision": "16-true"}],
    },
]


@pytest.mark.parametrize("settings", HALF, ids=str)
def test_half_precision_on_a_cpu_is_refused_whoever_chose_it(settings: dict[str, Any], tmp_path: Path) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        settings = {**settings, "accelerator": "cpu"}
    config = compose(["experiment=mnist_linear", f"paths.run_dir={tmp_path}"]).config
    node = {**config["trainer"], **settings}
    if "plugins" in settings:
        del node["precision"]
    with pytest.raises(UserError, match=r"^trainer\.precision=16-true: .*try trainer\.precision=bf16-true"):
        build_trainer({**config, "trainer": node, "logger": None})


def test_a_run_in_half_precision_on_a_cpu_leaves_nothing(quick: list[str], tmp_path: Path) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("auto is no CPU here")
    chosen = ["trainer.accelerator=auto", "trainer.precision=16-true"]
    with pytest.raises(UserError, match=r"^trainer\.precision=16-true: "):
        run_experiment(compose(["experiment=mnist_linear", *quick, *chosen]))
    assert not list((tmp_path / "logs").rglob("*.json"))


@pytest.mark.sample(2)
@pytest.mark.parametrize("precision", ["bf16-true", "64-true", "bf16-mixed", "16-mixed"])
def test_other_precisions_train_with_a_summary(precision: str, quick: list[str]) -> None:
    quick = [setting for setting in quick if setting != "callbacks.summary=null"]
    experiment = compose(["experiment=mnist_mlp", *quick, "optimizer.lr=0.01", f"trainer.precision={precision}"])
    run_experiment(experiment)
    assert read_record(experiment.run_dir)["metrics"]["val/acc"] > 0.4
