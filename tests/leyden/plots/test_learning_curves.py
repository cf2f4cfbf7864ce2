"""Learning curves show the values of metrics.csv."""

import math
from pathlib import Path

import pytest

from leyden.plots.learning_curves import Curve, best_of, learning_curves, read_curves, steps_of_epoch

TABLE = """epoch,lr-Adam,step,time/epoch,train/loss,train/loss_step,val/acc,val/loss
,0.1,4,,,,,
0,,9,,,0.9,,
0,,9,,,,0.5,1.5
0,,9,,1.0,,,
,,9,2.5,,,,
1,,19,,,,0.75,nan
1,,19,,0.05,,,
,,19,2.0,,,,
"""


@pytest.fixture
def curves(tmp_path: Path) -> dict[str, Curve]:
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE + "2,,2")  # killed while it was written
    return read_curves(path)


def test_values_are_read_with_their_steps(curves: dict[str, Curve]) -> None:
    assert curves["train/loss"] == Curve([9, 19], [1.0, 0.05])
    assert curves["val/acc"] == Curve([9, 19], [0.5, 0.75])
    assert curves["lr-Adam"] == Curve([4], [0.1])
    assert math.isnan(curves["val/loss"].values[1])
    assert steps_of_epoch(curves) == 10


@pytest.mark.parametrize("text", [None, "", "a,b\n", "step\n", "step,train/loss\n"])
def test_no_table_is_no_curves(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "metrics.csv").write_text(text)
    assert read_curves(tmp_path / "metrics.csv") == {}
    assert learning_curves({}, "val/acc", "max") is None


def test_the_figure_draws_these_values_by_epoch(curves: dict[str, Curve]) -> None:
    plot = learning_curves(curves, "val/acc", "max")
    assert plot
    axes = {axes.get_title(): axes for axes in plot.figure.axes}
    assert list(axes) == ["loss", "acc", "learning rate", "time of an epoch (s)"]
    lines = {line.get_label(): line for line in axes["loss"].get_lines()}
    assert [list(line) for line in lines["train"].get_data()] == [[1.0, 2.0], [1.0, 0.05]]
    assert axes["loss"].get_yscale() == "log"  # more than a decade
    best = {line.get_label(): line for line in axes["acc"].get_lines()}["best"]
    assert [list(of) for of in best.get_data()] == [[2.0], [0.75]]
    assert plot.caption == "val/acc is best after epoch 2: 0.75. Its last value is 0.75."


def test_only_few_of_many_metrics_have_a_panel() -> None:
    curves = {f"{split}/m{n}": Curve([0], [1.0]) for split in ("train", "val") for n in range(30)}
    plot = learning_curves(curves, "val/m29", "max")
    assert plot
    titles = [axes.get_title() for axes in plot.figure.axes]
    assert titles == ["m29", "m0", "m1", "m2"]


@pytest.mark.parametrize(("mode", "best"), [("max", (2, 0.5)), ("min", (0, 0.1))])
def test_the_best_is_the_first_of_equals_and_never_nan(mode: str, best: tuple[int, float]) -> None:
    assert best_of({"val/acc": Curve([0, 1, 2, 3], [0.1, math.nan, 0.5, 0.5])}, "val/acc", mode) == best
    assert best_of({"val/acc": Curve([0], [math.nan])}, "val/acc", mode) is None
    assert best_of({}, "val/acc", mode) is None


def test_of_equal_values_that_with_the_lowest_loss_is_the_best() -> None:
    """As in best.ckpt."""
    curves = {"val/acc": Curve([3, 7, 11], [0.5, 0.5, 0.4]), "val/loss": Curve([3, 7, 11], [0.9, 0.8, 0.1])}
    assert best_of(curves, "val/acc", "max") == (7, 0.5)
