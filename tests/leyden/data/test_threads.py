"""Work in threads, some items ahead."""

import pytest

from leyden.data.threads import map_ahead


@pytest.mark.parametrize("ahead", [0, 1, 7])
def test_results_are_in_order_and_at_most_so_many_ahead(ahead: int) -> None:
    started = list[int]()
    results = map_ahead(lambda item: item**2, (started.append(item) or item for item in range(20)), 3, ahead)
    for number, result in enumerate(results):
        assert result == number**2
        assert len(started) == min(number + 1 + ahead, 20)


def test_an_error_is_raised_in_its_place() -> None:
    results = map_ahead(lambda item: 6 // item, [3, 2, 0, 1], 2, 1)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
