"""The rate that a curve of losses suggests."""

import math

import numpy as np
import pytest

from leyden.tuning.range_test import RangeTest, exponential, smooth

RATES = exponential(1e-7, 10.0, 100)


def curve(fall_from: float, lowest_at: float, noise: float = 0.0, scale: float = 1.0, shift: float = 0.0) -> RangeTest:
    """Three trainings whose loss is 1, falls evenly to 0 between two rates, and then explodes."""
    losses = []
    for trial in range(3):
        generator = np.random.default_rng(trial)
        of_trial = []
        for rate in RATES:
            done = (math.log(rate) - math.log(fall_from)) / (math.log(lowest_at) - math.log(fall_from))
            loss = 1 - min(1.0, max(0.0, done)) + max(0.0, done - 1) ** 2 * 3
            of_trial.append(shift + scale * (loss + noise * generator.normal()))
        losses.append(tuple(of_trial))
    return RangeTest(RATES, tuple(losses))


def test_rates_grow_by_the_same_factor() -> None:
    assert RATES[0] == 1e-7
    assert RATES[-1] == pytest.approx(10.0)
    assert np.allclose(np.diff(np.log(RATES)), math.log(1e8) / 99)


@pytest.mark.parametrize(("fall_from", "lowest_at"), [(1e-4, 1e-2), (1e-3, 1e-1), (1e-6, 1e-4)])
def test_the_suggestion_is_a_quarter_of_the_rate_at_which_the_loss_rises_again(
    fall_from: float, lowest_at: float
) -> None:
    test = curve(fall_from, lowest_at)
    assert test.suggestion is not None
    # It has risen by a tenth of its fall where (done - 1) ** 2 * 3 is 0.1; smoothing moves that a little.
    edge = lowest_at * (lowest_at / fall_from) ** math.sqrt(0.1 / 3)
    assert test.rates[test.edge] == pytest.approx(edge, rel=0.35)
    assert test.suggestion == pytest.approx(test.rates[test.edge] / 4, rel=0.05)


@pytest.mark.parametrize(("scale", "shift"), [(1000.0, 0.0), (1e-3, 0.0), (1.0, -5.0), (2.0, 100.0)])
def test_the_unit_and_the_sign_of_a_loss_do_not_matter(scale: float, shift: float) -> None:
    assert curve(1e-4, 1e-2, 0.05, scale, shift).suggestion == curve(1e-4, 1e-2, 0.05).suggestion


def test_noise_moves_the_suggestion_little() -> None:
    clean, noisy = curve(1e-4, 1e-2).suggestion, curve(1e-4, 1e-2, noise=0.1).suggestion
    assert clean is not None
    assert noisy is not None
    assert 0.4 < noisy / clean < 2.5


def test_it_has_two_digits() -> None:
    suggestion = curve(1e-4, 1e-2).suggestion
    assert suggestion is not None
    assert suggestion == float(f"{suggestion:.1e}")


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_loss_that_never_falls_suggests_nothing(noise: float) -> None:
    generator = np.random.default_rng(0)
    flat = tuple(tuple(2.0 + noise * generator.normal(size=100)) for _ in range(3))
    assert RangeTest(RATES, flat).suggestion is None
    rising = tuple(tuple(np.linspace(1, 2, 100) + noise * generator.normal(size=100)) for _ in range(3))
    assert RangeTest(RATES, rising).suggestion is None


def test_trainings_that_diverge_early_are_outvoted() -> None:
    whole = curve(1e-4, 1e-2)
    cut = (whole.losses[0][:30], *whole.losses[1:])
    assert RangeTest(RATES, cut).suggestion == whole.suggestion
    mostly_cut = RangeTest(RATES, (whole.losses[0][:30], whole.losses[1][:35], whole.losses[2]))
    assert len(mostly_cut.smoothed) == 35


def test_a_loss_that_explodes_is_not_seen_to_its_left() -> None:
    whole = curve(1e-4, 1e-2)
    exploded = RangeTest(RATES, tuple((*losses[:85], *[1e37] * 15) for losses in whole.losses))
    assert exploded.suggestion == whole.suggestion


def test_what_is_no_number_ends_the_curve() -> None:
    whole = curve(1e-4, 1e-2)
    broken = tuple((*losses[:70], math.nan, *losses[71:]) for losses in whole.losses)
    assert len(RangeTest(RATES, broken).smoothed) == 70


def test_a_curve_without_an_edge_says_so() -> None:
    assert not curve(1e-2, 100.0).has_edge
    assert curve(1e-2, 100.0).suggestion == pytest.approx(10 / 4, rel=0.05)
    assert curve(1e-4, 1e-2).has_edge


def test_smoothing_keeps_a_straight_line_straight_and_shifts_nothing() -> None:
    line = np.linspace(0, 1, 60)
    assert np.allclose(smooth(line, 2.0)[10:-10], line[10:-10])
    peak = np.zeros(61)
    peak[30] = 1
    assert int(smooth(peak, 3.0).argmax()) == 30
