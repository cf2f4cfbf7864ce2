"""leyden.reports.overfitting: synthetic losses, with and without noise."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from leyden.reports.overfitting import Verdict, judge, noise

INF, NAN = math.inf, math.nan


def verdict(train: Sequence[float], val: Sequence[float]) -> Verdict:
    return judge(*(dict(enumerate(losses, start=1)) for losses in (train, val)))


def falling(epochs: int, to: float = 0.1) -> np.ndarray:
    return to + 0.9 * np.exp(-np.arange(epochs) / (epochs / 5))


def test_a_rise_after_the_lowest_loss() -> None:
    val = [0.9, 0.6, 0.4, 0.3, 0.25, 0.24, 0.245, 0.26, 0.28, 0.3, 0.32, 0.34, 0.36, 0.38, 0.40]
    found = verdict(falling(15), val)
    assert found.kind == "overfitting"
    assert found.begin in (7, 8)
    assert (
        f"Overfitting from epoch {found.begin} on: the validation loss was lowest at epoch 6 of 15 (0.2400)"
        in found.text
    )
    assert "rose by 55 % after it" in found.text
    assert "while the training loss kept falling, to " in found.text


@pytest.mark.parametrize("epochs", [8, 15, 40, 120])
@pytest.mark.parametrize("deviation", [0.0, 0.004])
def test_begin_is_near_the_turn(epochs: int, deviation: float) -> None:
    random, turn = np.random.default_rng(epochs), epochs // 3
    change = np.arange(epochs) - turn
    val = 0.4 + 0.5 * np.maximum(0, -change) / epochs + 0.3 * np.maximum(0, change) / epochs
    found = verdict(falling(epochs), val + deviation * random.standard_normal(epochs))
    assert found.kind == "overfitting"
    assert found.begin is not None
    assert -1 <= found.begin - (turn + 2) <= max(2, epochs // 8)


def test_a_slow_rise_within_much_noise() -> None:
    random, epochs = np.random.default_rng(0), 80
    val = 0.45 + 0.0007 * np.arange(epochs) + 0.02 * random.standard_normal(epochs)
    assert verdict(falling(epochs), val).kind == "overfitting"


@pytest.mark.parametrize("deviation", [0.001, 0.01, 0.05])
@pytest.mark.parametrize("epochs", [10, 20, 60])
def test_noise_alone_is_rarely_taken_for_a_rise(epochs: int, deviation: float) -> None:
    random = np.random.default_rng(1)
    flat = [0.5 + deviation * random.standard_normal(epochs) for _ in range(200)]
    plateau = [falling(epochs, 0.4) + deviation * random.standard_normal(epochs) for _ in range(200)]
    for curves in (flat, plateau):
        assert sum(verdict(falling(epochs), val).begin is not None for val in curves) <= 12  # 6 %


def test_a_loss_that_falls_until_the_end() -> None:
    found = verdict(falling(12), falling(12, 0.3))
    assert found.kind == "none"
    assert "was lowest in the last epoch (" in found.text
    assert found.text.endswith("so more epochs may improve it.")


def test_a_rise_that_is_over_is_no_sign_of_it() -> None:
    """Such as after a learning rate that was too large for a while."""
    val = [0.9, 0.6, 0.5, 0.45, 0.6, 0.7, 0.6, 0.5, 0.45, 0.44, 0.44, 0.44]
    assert verdict(falling(12), val).kind == "none"


def test_a_rise_in_the_last_epochs_is_too_new() -> None:
    found = verdict(falling(10), [*falling(8, 0.3), 0.6, 0.7])
    assert (found.kind, found.begin) == ("late", None)
    assert "rose only in the last 2 epochs" in found.text


def test_a_training_loss_that_rises_too_is_another_problem() -> None:
    val = [0.9, 0.5, 0.4, 0.5, 0.7, 0.9, 1.1, 1.3]
    found = verdict([0.9, 0.5, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4], val)
    assert found.kind == "unstable"
    assert found.text.startswith("Both losses rose from epoch ")


def test_a_training_loss_that_stays_the_same() -> None:
    assert verdict([0.4] * 8, [0.9, 0.5, 0.4, 0.5, 0.7, 0.9, 1.1, 1.3]).kind == "worse"


@pytest.mark.parametrize("epochs", [1, 2, 4])
def test_few_epochs_are_too_few(epochs: int) -> None:
    found = verdict(falling(epochs), np.arange(epochs) + 1.0)
    assert found.kind == "unknown"
    assert f"{epochs} epoch{'s' * (epochs > 1)} with a validation, of at least 5" in found.text


def test_losses_that_were_not_logged() -> None:
    assert judge({}, {1: 0.5}).kind == judge({1: 0.5}, {}).kind == judge({}, {}).kind == "unknown"


@pytest.mark.parametrize(
    ("train", "val", "which"), [(NAN, NAN, "training"), (INF, 0.5, "training"), (0.5, NAN, "validation")]
)
def test_a_loss_that_is_not_finite_any_more(train: float, val: float, which: str) -> None:
    found = verdict([0.9, 0.5, 0.4, train, train], [0.9, 0.6, 0.5, val, val])
    assert found.kind == "diverged"
    assert f"the {which} loss is not finite from epoch 4 on" in found.text


def test_single_values_that_are_not_finite_are_left_out() -> None:
    assert verdict(falling(12), [0.9, NAN, *falling(10, 0.3)]).kind == "none"


def test_validation_in_some_epochs_only() -> None:
    val = dict(zip(range(2, 22, 2), [0.9, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1], strict=True))
    found = judge({epoch: float(loss) for epoch, loss in enumerate(falling(20), start=1)}, val)
    assert found.kind == "overfitting"
    assert "at epoch 6 of 20" in found.text


def test_losses_below_zero_have_no_percentages() -> None:
    found = verdict(-np.arange(10.0), [-1, -3, -4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5])
    assert found.kind == "overfitting"
    assert "%" not in found.text


def test_noise_is_measured_without_the_trend() -> None:
    values = 0.05 * np.random.default_rng(0).standard_normal(400)
    trend = np.linspace(5, 0, 400) ** 2
    assert noise(values + trend) == pytest.approx(0.05, rel=0.2)
    assert noise(trend) < 0.001
