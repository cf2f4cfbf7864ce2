"""Limits of numbers: of well-known arguments by name, and of a user's class by its own declaration."""

from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.config.limits import check_number, limits_of
from leyden.system.errors import UserError

TASKS = """
from typing import ClassVar
from leyden import Task

class Mine(Task):
    LIMITS: ClassVar = {"margin": "> 0, <= 2", "rounds": ">= 1, or -1 for all", "momentum": ">= 5"}
    def __init__(self, network, spec, margin=1.0, rounds=3, scale=1.0, momentum=5, **_): ...

class Further(Mine):
    LIMITS: ClassVar = {"scale": ">= 0", "rounds": ">= 2"}

class Wrong(Mine):
    LIMITS: ClassVar = {"scale": "positive"}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks_of_mine.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("limit", "good", "bad", "words"),
    [
        ("> 0", [0.1, "a", None], [0, -1, [1, 0], {"a": -1}], "greater than 0"),
        (">= 0", [0, [0, 1], {}], [-0.5, [1, -1]], "at least 0"),
        (">=0,<1", [0, 0.5], [1, -1], "at least 0 and less than 1"),
        (">= 0, <= 9", [0, 9], [10, -1], "between 0 and 9"),
        (">= 1, or -1 for no end", [1, -1], [0, -2], "at least 1, or -1 for no end"),
    ],
)
def test_a_limit_in_words(limit: str, good: list[object], bad: list[object], words: str) -> None:
    assert [check_number("x", value, {"x": limit}) for value in good] == [None] * len(good)
    assert [check_number("x", value, {"x": limit}) for value in bad] == [words] * len(bad)


def test_a_class_adds_limits_to_those_of_the_class_that_it_extends(mine: None) -> None:
    expected = {"margin": "> 0, <= 2", "rounds": ">= 2", "momentum": ">= 5", "scale": ">= 0"}
    assert limits_of("tasks_of_mine.Further") == expected
    assert limits_of("torch.optim.Adam") == {}


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("task.margin=0", "task.margin=0: must be greater than 0 and at most 2"),
        ("task.rounds=1", "task.rounds=1: must be at least 2"),
        ("task.scale=-1", "task.scale=-1: must be at least 0"),
        ("task.momentum=1", "task.momentum=1: must be at least 5"),  # its own, not that of optimizers
    ],
)
def test_a_setting_of_a_users_class_is_refused(typed: str, refusal: str, mine: None) -> None:
    with pytest.raises(UserError) as refused:
        compose(["task._target_=tasks_of_mine.Further", typed])
    assert str(refused.value) == refusal


def test_limits_hold_for_the_class_that_declares_them_only(mine: None) -> None:
    with pytest.raises(UserError, match=r"optimizer\.momentum=5: must be at least 0 and less than 1"):
        compose(["task._target_=tasks_of_mine.Mine", "optimizer=sgd", "optimizer.momentum=5"])


def test_a_limit_that_cannot_be_read_is_reported(mine: None) -> None:
    with pytest.raises(UserError, match="LIMITS of scale: positive cannot be read; write it as '> 0'"):
        compose(["task._target_=tasks_of_mine.Wrong", "task.scale=1"])
