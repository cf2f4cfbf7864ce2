import shlex
from typing import Any

import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.tasks.class_weights import weights_in_order

ANIMALS = ("bird", "cat", "dog")


@pytest.mark.parametrize(
    ("weights", "names", "expected"),
    [
        ({"dog": 9, "bird": 1, "cat": 2}, ANIMALS, [1, 2, 9]),
        ([1, 2, 9], ANIMALS, [1, 2, 9]),
        ({"1": 1, "10": 3, "2": 2}, ("1", "2", "10"), [1, 2, 3]),
        ({"1.0": 1, "02": 2}, ("1", "2"), [1, 2]),
        ({"true": 1, "false": 2}, ("no", "yes"), [2, 1]),  # as YAML reads yes and no
        ({"true": 1, "false": 2}, ("FALSE", "TRUE"), [2, 1]),
        ({"0": 1, "1": 2}, (), [1, 2]),
        ({"a, b": 1, "null": 0}, ("a, b", "null"), [1, 0]),
    ],
)
def test_weights_are_in_the_order_of_the_classes(weights: Any, names: tuple[str, ...], expected: list[float]) -> None:
    assert weights_in_order(weights, names, len(names) or 2) == expected


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ({"brid": 1, "cta": 2, "dog": 3}, "there is no class brid; did you mean"),
        ({"bird": 1, "dgo": 2}, "there is no class dgo; did you mean"),
        ({"bird": 1, "cat": 2}, "has no weight for dog; give one for each class, as"),
        ({}, "has no weight for bird, cat, dog"),
        ([1, 2], "give one for each of the 3 classes, in the order bird, cat, dog; or by name, as"),
    ],
)
def test_a_refusal_has_a_remedy_that_holds(weights: Any, named: str) -> None:
    with pytest.raises(UserError) as refused:
        weights_in_order(weights, ANIMALS, 3)
    message = str(refused.value)
    assert message.startswith("task.class_weights")
    assert named in message
    assert "\n" not in message
    (typed,) = shlex.split(message[message.index("'task.class_weights=") :].rstrip("?"))
    config = compose([typed]).config
    remedied = weights_in_order(config["task"]["class_weights"], ANIMALS, 3)
    if isinstance(weights, dict):
        assert [weight for weight in weights.values() if weight not in remedied] == []


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ({"cow": 1, "cat": 2, "dog": 3}, "there is no class cow; there are: bird, cat, dog"),
        ({"bird": 1, "cat": 2, "dog": -1}, "-1 for dog must be 0 or more"),
        ({"bird": 1, "cat": 2, "dog": float("inf")}, "inf for dog"),
        ([0, 0, 0], "one must be more than 0"),
    ],
)
def test_weights_that_make_no_loss_are_refused(weights: Any, named: str) -> None:
    with pytest.raises(UserError, match=named):
        weights_in_order(weights, ANIMALS, 3)


def test_a_class_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"1 and 1\.0 are both the class 1"):
        weights_in_order({"1": 1, "1.0": 2, "2": 3}, ("1", "2"), 2)
