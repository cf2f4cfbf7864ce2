"""Lists of names for messages."""

import pytest

from leyden.data.abbreviated import one_line, shortened
from leyden.data.classes import some_names


@pytest.mark.parametrize(("number", "expected"), [(1, "0"), (3, "0, 1, 2"), (4, "0, 1 and 2 more")])
def test_a_list_is_cut_unless_one_more_name_is_left(number: int, expected: str) -> None:
    assert shortened([str(n) for n in range(number)], most=2) == expected


def test_names_of_classes_are_cut_to_one_line() -> None:
    assert some_names(["a\nb", "c" * 41]) == f"a b, {'c' * 39}…"
    assert one_line("c" * 40) == "c" * 40
