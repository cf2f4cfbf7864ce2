import logging
import random

import pytest
import torch

from leyden.data.classes import in_known_order, matching, natural_order, warn_of_absent_classes, warn_of_alike


@pytest.mark.parametrize(
    "ordered",
    [
        ["1", "2", "10", "11"],
        ["-10", "-1", "0", "0.5", "1", "1e1", "11"],
        ["class2", "class10", "class11"],
        ["10-20", "20-30", "100-200"],
        ["01", "1", "2"],
        ["2", "10", "cat"],
        ["Zebra", "ant", "bee"],
        ["a", "a1", "a1b", "a2"],
        ["²", "ä"],
    ],
)
def test_names_are_in_the_order_in_which_people_count(ordered: list[str]) -> None:
    for seed in range(5):
        shuffled = random.Random(seed).sample(ordered, len(ordered))
        assert natural_order(shuffled) == ordered


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("1.0", ["1", "2"], "1"),
        ("1", ["1.0", "2.0"], "1.0"),
        ("01", ["1", "2"], "1"),
        ("1", ["01", "1"], "1"),
        ("1.0", ["01", "1"], None),
        ("cat", ["cat", "Cat"], "cat"),
        ("CAT", ["cat"], None),
        ("nan", ["nan "], None),
    ],
)
def test_a_name_stands_for_the_same_text_or_the_same_number(name: str, names: list[str], meant: str | None) -> None:
    assert matching(name, names) == meant


def test_the_order_of_a_network_is_kept_for_the_same_classes_only() -> None:
    assert in_known_order(["1", "2", "10"], ["1", "10", "2"]) == ("1", "10", "2")
    assert in_known_order(["1", "2"], ["1", "10", "2"]) == ("1", "2")


def test_absent_classes_of_all_splits_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    names = ["ant", "bee", "long " * 20, *(f"c{n}" for n in range(6))]
    full = torch.arange(9).repeat(2)
    labels = {"train": full[full != 1], "val": torch.tensor([0]), "test": torch.tensor([], dtype=torch.int64)}
    warn_of_absent_classes(labels, names, "rows")
    (message,) = caplog.messages
    assert message.startswith("data: train has no rows of bee; val has no rows of bee, long long")
    assert message.endswith("c0, c1 and 4 more")
    assert "\n" not in message
    assert len(message) < 200
    caplog.clear()
    warn_of_absent_classes({"train": torch.tensor([0, 0, 1, 2]), "val": torch.tensor([0, 1])}, names[:3], "images")
    assert caplog.messages[0].startswith("data: val has no images of long")
    assert "1 class has a single one" in caplog.messages[0]
    caplog.clear()
    warn_of_absent_classes({"train": torch.tensor([0]), "test": torch.tensor([0, 1])}, ["a", "b"], is_trained=True)
    warn_of_absent_classes({"train": torch.tensor([0, 1]), "val": torch.tensor([0, 1])}, ["a", "b"])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_names_that_differ_only_in_writing_are_named(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_alike(["cat", "Cat", "dog", "1", "01", "2"], "data.target=y")
    (message,) = caplog.messages
    assert "cat and Cat" in message
    assert "1 and 01" in message
    assert "dog" not in message
    warn_of_alike(["cat", "dog", "1", "2"], "data.target=y")
    assert len(caplog.messages) == 1
