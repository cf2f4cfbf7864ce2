"""leyden.reports.history: metrics.csv of whole, resumed, killed and strange runs."""

import math
from pathlib import Path

import pytest

from leyden.reports.history import History, read_history

TABLE = """\
epoch,lr-Adam,step,test/acc,train/loss,train/loss_step,val/acc,val/loss
,0.1,4,,,,,
0,,4,,,0.9,,
0,,9,,,,0.5,0.8
0,,9,,0.7,,,
,0.05,14,,,,,
1,,19,,,,0.5,0.6
1,,19,,0.4,,,
2,,29,,,,0.4,nan
2,,30,0.9,,,,
"""


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "metrics.csv").write_text(TABLE)
    return read_history(tmp_path)


def test_values_by_epoch_from_1_and_by_step(history: History) -> None:
    assert history.of("train/loss") == {1: 0.7, 2: 0.4}
    assert history.of("val/acc") == {1: 0.5, 2: 0.5, 3: 0.4}
    assert math.isnan(history.of("val/loss")[3])
    assert history.steps == {"lr-Adam": {4: 0.1, 14: 0.05}}
    assert "test/acc" not in history.epochs
    assert history.last_epoch == 3


def test_steps_as_parts_of_epochs(history: History) -> None:
    assert history.curve("lr-Adam") == [(0.5, 0.1), (1.5, 0.05)]
    assert [history.in_epochs(step) for step in (9, 19, 29, 39)] == [1, 2, 3, 4]
    assert history.curve("train/loss") == [(1.0, 0.7), (2.0, 0.4)]
    assert History(steps={"lr": {4: 0.1}}).curve("lr") == [(5.0, 0.1)]
    assert history.curve("none") == []


def test_the_best_epoch_is_that_of_the_kept_checkpoint(history: History) -> None:
    assert history.best_epoch("val/acc", "max") == 2  # of equal ones that with the lower loss
    assert history.best_epoch("val/loss", "min") == 2
    assert history.best_epoch("val/acc", "min") == 3
    assert history.best_epoch("val/f1", "max") is None


@pytest.mark.parametrize(
    ("text", "epochs"),
    [
        ("", {}),
        ("epoch,step,val/loss\n", {}),
        ("epoch,step,val/loss\n0,9,0.5\n1,19", {"val/loss": {1: 0.5}}),  # killed while it was written
        ("epoch,step,val/loss\n0,9,much\n1,19,0.4,5,6\nx,y,z\n", {"val/loss": {2: 0.4}}),
        ("step,val/loss\n9,0.5\n", {}),
        ("val/loss,epoch\n0.5,0.0\n", {"val/loss": {1: 0.5}}),
    ],
)
def test_damaged_tables_give_what_can_be_read(text: str, epochs: object, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    assert read_history(tmp_path).epochs == epochs


def test_a_run_without_a_table(tmp_path: Path) -> None:
    assert read_history(tmp_path) == History()
