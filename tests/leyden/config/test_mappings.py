from typing import Any

import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.system.override_text import as_text

NAMES = [
    "cat",
    "New York",
    "<=50K",
    ">50K",
    "a, b",
    "it's",
    'say "x"',
    "naïve",
    "null",
    "true",
    "1e3",
    "01",
    "1",
    "a:b",
]


@pytest.mark.parametrize(
    ("typed", "weights"),
    [
        ("{cat: 1, dog: 9}", {"cat": 1, "dog": 9}),
        ("{cat:1,dog:0.5}", {"cat": 1, "dog": 0.5}),
        ("{0: 1, 1: 9}", {"0": 1, "1": 9}),
        ("{<=50K: 1, >50K: 9}", {"<=50K": 1, ">50K": 9}),
        ("{null: 1, true: 2, 1e3: 3}", {"null": 1, "true": 2, "1e3": 3}),
        ("{'a, b': 1, \"null\": 2}", {"a, b": 1, "null": 2}),
        ("{naïve: 1, it's: 2}", {"naïve": 1, "it's": 2}),
        ("{lr: 0, size: 0}", {"lr": 0, "size": 0}),  # names of classes, not settings with limits
        ("[1,2]", [1, 2]),
        ("null", None),
    ],
)
def test_a_mapping_is_read_with_its_names_as_they_are_typed(typed: str, weights: Any) -> None:
    assert compose([f"task.class_weights={typed}"]).config["task"]["class_weights"] == weights


def test_a_mapping_in_a_message_can_be_typed_again() -> None:
    weights = {name: number for number, name in enumerate(NAMES)}
    typed = f"task.class_weights={as_text(weights)}"
    assert compose([typed]).config["task"]["class_weights"] == weights


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("{cat: x}", "must be a list of numbers or a mapping of names to numbers"),
        ("{cat: null}", "must be a list of numbers or a mapping of names to numbers"),
        ("balanced", "must be a list of numbers or a mapping of names to numbers"),
        ("{cat: -1, dog: 1}", "must be at least 0"),
        ("[1,-1]", "must be at least 0"),
    ],
)
def test_what_is_no_mapping_to_numbers_is_refused(typed: str, named: str) -> None:
    with pytest.raises(UserError) as refused:
        compose([f"task.class_weights={typed}"])
    assert str(refused.value).startswith(f"task.class_weights={typed.replace(', ', ',') if '-' in typed else typed}: ")
    assert named in str(refused.value)


def test_a_list_with_a_word_in_it_is_not_shortened_by_a_remedy() -> None:
    with pytest.raises(UserError) as refused:
        compose(["task.class_weights=[1,a]"])
    assert "write" not in str(refused.value)
