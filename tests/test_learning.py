"""What the shipped tables can teach, measured on rows that were held out: quick enough to be checked each time."""

from pathlib import Path

import pytest
import torch

from leyden import build_data, build_task, build_trainer, compose, train

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("experiment", "least"), [("csv_linear", 0.79), ("csv_mlp", 0.84)])
def test_five_folds_of_cars_reach_what_the_readme_says(
    experiment: str, least: float, mnist_root: Path, tmp_path: Path
) -> None:
    quiet = ["callbacks.summary=null", "callbacks.progress=null", "logger=none", "trainer.accelerator=cpu"]
    scores = []
    for fold in range(5):
        overrides = [f"experiment={experiment}", f"data.fold={fold}", *quiet, f"paths.data_dir={mnist_root}"]
        config = compose(
            [*overrides, f"paths.run_dir={tmp_path / str(fold)}", "trainer.enable_progress_bar=false"]
        ).config
        datamodule = build_data(config)
        torch.manual_seed(fold)
        metrics = train(build_trainer(config), build_task(config, datamodule.spec), datamodule)
        scores.append(metrics["test/r2"])
    assert sum(scores) / 5 > least
