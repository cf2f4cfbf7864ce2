"""The line of an epoch fits the terminal that it is shown on."""

import pytest

from leyden.callbacks.epoch_line import epoch_forms
from leyden.system.formatting import first_fitting

TRAIN, VAL = ["loss 0.0812", "rmse 2.1421"], ["loss 0.3440", "rmse 4.3928"]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (100, "epoch 12/60  train loss 0.0812 rmse 2.1421  val loss 0.3440 rmse 4.3928   1.2 s  best"),
        (80, "epoch 12/60  train loss 0.0812 rmse 2.1421  val loss 0.3440 rmse 4.3928  best"),
        (70, "epoch 12/60  train loss 0.0812  val loss 0.3440 rmse 4.3928  best"),
        (60, "epoch 12/60  train loss 0.0812  val rmse 4.3928  best"),
        (40, "epoch 12/60  val rmse 4.3928  best"),
    ],
)
def test_what_tells_least_is_left_out_first(width: int, line: str) -> None:
    assert first_fitting(epoch_forms("epoch 12/60", TRAIN, VAL, 1.2, is_best=True), width) == line
    assert len(line) <= width


@pytest.mark.parametrize("width", range(35, 100))
def test_all_lines_of_a_run_have_the_same_form(width: int) -> None:
    best, other = (first_fitting(epoch_forms("epoch 12/60", TRAIN, VAL, 1.2, is_best), width) for is_best in (1, 0))
    assert best == f"{other}  best"


def test_without_validation_there_is_a_dash() -> None:
    forms = epoch_forms("epoch 1", ["loss 0.5000", ""], [], 0.02)
    assert forms[0].rstrip() == "epoch 1  train loss 0.5000  val –   20 ms"
    assert forms[-1].rstrip() == "epoch 1  train loss 0.5000"
    assert epoch_forms("epoch 1", [], [], 125.0)[0].rstrip() == "epoch 1  train –  val –  2 min 5 s"
