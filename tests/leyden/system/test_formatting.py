"""Numbers, times and metrics as people read them."""

import pytest

from leyden.system.formatting import age, aligned, clock, compact, first_fitting, most_telling, number, span


def test_numbers_have_four_digits() -> None:
    values = [0.0, 0.98333333, 0.0009, 12345.6, -0.5, 9999.0]
    assert [number(value) for value in values] == ["0.0000", "0.9833", "0.0009", "12346", "-0.5000", "9999.0000"]


def test_ticks_are_short() -> None:
    values = [0.0, 0.25, -1.5, 118.4, 5400.0, 24000.0, -118_000.0, 1_180_000.0, 2.5e9]
    expected = ["0", "0.25", "-1.5", "118", "5400", "24k", "-118k", "1.18M", "2.5G"]
    assert [compact(value) for value in values] == expected


def test_times_have_at_most_two_units() -> None:
    seconds = [-3, 0.44, 9.96, 59.6, 140, 3600, 3900, 3605, 86399, 90000, 200000]
    expected = ["0.0 s", "0.4 s", "10 s", "1 min", "2 min 20 s", "1 h", "1 h 5 min", "1 h", "23 h 59 min", "1 d 1 h"]
    assert [span(value) for value in seconds] == [*expected, "2 d 7 h"]


def test_ages_have_one_unit() -> None:
    assert [age(value) for value in (-3, 0.4, 59.6, 140, 7300, 200000)] == [
        "0 s",
        "0 s",
        "1 min",
        "2 min",
        "2 h",
        "2 d",
    ]


def test_what_tells_most_of_a_test_comes_first() -> None:
    names = ["val/acc", "test/loss", "test/weighted", "test/f1", "test/acc", "test/bias"]
    assert most_telling(names) == ["test/acc", "test/f1", "test/bias", "test/weighted"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0812, "0.0812"),
        (9.99996, "10.000"),
        (12.3456, "12.346"),
        (123.456, "123.46"),
        (99999.7, "100000"),
        (1234567.0, "1.23e+06"),
        (0.00012, "0.00012"),
        (float("nan"), "   nan"),
        (0.0, "0.0000"),
    ],
)
def test_metrics_in_a_column_are_six_wide_if_they_can(value: float, text: str) -> None:
    assert aligned(value) == text


def test_a_time_that_is_left_is_read_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (-1, 7.4, 83, 3599.7, 4000, 90000)] == [
        "0:00",
        "0:07",
        "1:23",
        "1:00:00",
        "1:06:40",
        "1 d 1 h",
    ]


def test_the_longest_form_that_fits_is_taken_and_the_last_loses_its_middle() -> None:
    forms = ("epoch 1  loss 0.5  best", "epoch 1  best", "epoch 1      ")
    assert first_fitting(forms, 23) == forms[0]
    assert first_fitting(forms, 22) == forms[1]
    assert first_fitting(forms, 13) == forms[1]
    assert first_fitting(forms, 5) == "ep… 1"
    assert first_fitting(("×" * 9,), 9) == "×" * 9
