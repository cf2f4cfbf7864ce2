"""Numbers, times and metrics as people read them."""

from leyden.system.formatting import age, most_telling, number, span


def test_numbers_have_four_digits() -> None:
    values = [0.0, 0.98333333, 0.0009, 12345.6, -0.5, 9999.0]
    assert [number(value) for value in values] == ["0.0000", "0.9833", "0.0009", "1.235e+04", "-0.5000", "9999.0000"]


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
