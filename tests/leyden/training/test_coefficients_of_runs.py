"""Coefficients of a linear run: in its log, in a file, and from `load_run`."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leyden.config.compose import compose
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    rows = [f"{x},{3 * x + 2}" for x in range(40, 140)]
    (tmp_path / "line.csv").write_text("\n".join(["x,y", *rows]))
    data = ["data=csv", f"data.path={tmp_path / 'line.csv'}", "data.target=y", "data.batch_size=100"]
    return [*data, "optimizer=lbfgs", "trainer=cpu", "trainer.max_epochs=3", f"paths.log_dir={tmp_path / 'logs'}"]


@pytest.mark.parametrize("more", [[], ["test=false"], ["callbacks=ema"]])
def test_of_y_equals_3_x_plus_2_they_are_3_and_2(more: list[str], settings: list[str]) -> None:
    experiment = compose([*settings, "model=linear", *more])
    run_experiment(experiment)
    table = pl.read_csv(experiment.run_dir / "coefficients.csv")
    assert table.columns == ["target", "input", "coefficient"]
    assert table["target"].to_list() == ["y", "y"]
    assert table["input"].to_list() == ["intercept", "x"]
    run = load_run(experiment.run_dir)
    assert run.coefficients is not None
    assert_frame_equal(run.coefficients, table)
    if not more or more == ["test=false"]:
        assert table["coefficient"].to_list() == pytest.approx([2, 3], abs=1e-3)
        assert (
            "coefficients: y = 2 + 3 x; all are in coefficients.csv" in (experiment.run_dir / "train.log").read_text()
        )


def test_another_network_has_none(settings: list[str]) -> None:
    experiment = compose([*settings, "model=mlp", "model.hidden_sizes=[4]", "model.dropout=0.0", "optimizer=adam"])
    run_experiment(experiment)
    assert not (experiment.run_dir / "coefficients.csv").exists()
    assert load_run(experiment.run_dir).coefficients is None
