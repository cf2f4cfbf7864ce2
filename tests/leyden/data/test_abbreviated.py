"""Lists of names for messages."""

import pytest

from leyden.data.abbreviated import listed, one_line
from leyden.data.classes import abbreviated


@pytest.mark.parametrize(("number", "expected"), [(1, "0"), (3, "0, 1, 2"), (4, "0, 1 and 2 more")])
def test_a_list_is_cut_unless_one_more_name_is_left(number: int, expected: str) -> None:
    assert listed([str(n) for n in range(number)], most=2) == expected


def test_names_of_classes_are_cut_to_one_line() -> None:
    assert abbreviated(["a\nb", "c" * 41]) == f"a b, {'c' * 39}…"
    assert one_line("c" * 40) == "c" * 40
