"""Each remedy of a message about the target is typed as it is printed, and leads to data that can be trained on."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leyden.config.compose import compose
from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.training.build import build_data, build_task
from tests.leyden.helpers.csv_files import write

WORDS = r"(?:task=\w+|'?data\.\w+=[^\s;,]*\[[^]]*\]'?|'?data\.\w+=\w+'?)"
CLASSES = "task=classification"


def columns(y: Callable[[int], object], number: int = 100) -> str:
    """A number x, a category c of three, a count k of four values, and the target y."""
    lines = [f"{i * 37 % 101 + 0.5},{'uvw'[i % 3]},{i % 4},{y(i)}" for i in range(number)]
    return "\n".join(["x,c,k,y", *lines]) + "\n"


def built(path: Path, typed: list[str]) -> DataModule:
    config = compose(["data=csv", "model=linear", f"data.path={path}", *typed]).config
    data = build_data(config)
    build_task(config, data.spec)
    return data


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "several targets of text": (columns(lambda i: "ab"[i % 2]), ["data.target=[c,y]"], "c is text (u, v, w)"),
    "a number and text": (columns(lambda i: i), ["data.target=[y,c]"], "c is text"),
    "several categories of numbers": (
        columns(lambda i: i % 3),
        ["data.target=[y,k]", "data.categorical=[y,k]"],
        "one column of classes",
    ),
    "several categories as classes": (
        columns(lambda i: i % 3),
        ["data.target=[y,k]", "data.categorical=[y,k]", CLASSES],
        "one column of classes",
    ),
    "several numbers as classes": (columns(lambda i: i % 3), ["data.target=[y,k]", CLASSES], "one column of classes"),
    "text for regression": (columns(lambda i: ["yes", "no"][i % 2]), ["data.target=y"], "is text (yes, no)"),
    "truth values for regression": (columns(lambda i: ["TRUE", "FALSE"][i % 2]), ["data.target=y"], "is text (TRUE"),
    "names for regression": (columns(lambda i: f"n{i}"), ["data.target=y"], "is text (n0, n1, n2)"),
    "names as classes": (
        columns(lambda i: f"n{i % 87}"),
        ["data.target=y", CLASSES],
        "87 different values in 100 rows",
    ),
    "a category for regression": (
        columns(lambda i: i % 3),
        ["data.target=y", "data.categorical=[c,y]"],
        "makes y a column of classes",
    ),
    "a continuous target as classes": (columns(lambda i: i / 7), ["data.target=y", CLASSES], "100 different numbers"),
    "quantities as classes": (
        columns(lambda i: i % 87, 300),
        ["data.target=y", CLASSES],
        "87 different numbers in 300 rows are quantities",
    ),
    "quantities that are named": (
        columns(lambda i: i % 87),
        ["data.target=y", CLASSES, "data.categorical=[y]"],
        "87 different numbers in 100 rows are too many",
    ),
    "classes with a word among them": (
        columns(lambda i: "unknown" if i % 5 == 0 else i % 3),
        ["data.target=y", CLASSES],
        "holds numbers, and unknown in 20 rows",
    ),
    "one class": (columns(lambda i: "k"), ["data.target=y", CLASSES], "y is k in every row"),
    "one number": (columns(lambda i: "1.0"), ["data.target=y"], "y is 1 in every row"),
    "dates": (columns(lambda i: f"2015-01-{i % 28 + 1:02}"), ["data.target=y"], "holds dates"),
    "dates as classes": (columns(lambda i: f"2015-01-{i % 28 + 1:02}"), ["data.target=y", CLASSES], "holds dates"),
    "an ignored target": (columns(lambda i: i), ["data.target=y", "data.ignore=[x,y]"], "y is ignored"),
    "the target as a feature": (columns(lambda i: i), ["data.target=y", "data.features=[y,x]"], "y is to be predicted"),
    "the only feature": (columns(lambda i: i), ["data.target=y", "data.features=[y]"], "y is to be predicted"),
    "an ignored feature": (
        columns(lambda i: i),
        ["data.target=y", "data.features=[x,c]", "data.ignore=[c]"],
        "c is ignored",
    ),
    "the target as the split": (columns(lambda i: i), ["data.target=y", "data.split_column=y"], "y is the split"),
    "nothing to predict from": (columns(lambda i: i), ["data.target=y", "data.ignore=[x,c,k]"], "no column"),
    "no feature": (columns(lambda i: i), ["data.target=y", "data.features=[]"], "no column"),
    "a feature twice": (columns(lambda i: i), ["data.target=y", "data.features=[x,x]"], "is named twice"),
}


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", REFUSED)
def test_every_remedy_works_as_it_is_printed(name: str, tmp_path: Path) -> None:
    content, typed, named = REFUSED[name]
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UserError) as refused:
        built(path, typed)
    message = str(refused.value)
    assert named in message
    assert "\n" not in message
    remedies = re.findall(rf"{WORDS}(?: {WORDS})*", message.partition("; ")[2])
    assert remedies, message
    for remedy in remedies:
        spec = followed(path, [*typed, *shlex.split(remedy)])
        assert spec, (message, remedy)


def followed(path: Path, typed: list[str]) -> Any:
    """The data of a command; where it is refused in turn, of the first remedy of that."""
    try:
        return built(path, typed).spec
    except UserError as error:
        (remedy, *_) = re.findall(rf"{WORDS}(?: {WORDS})*", str(error).partition("; ")[2])
        return built(path, [*typed, *shlex.split(remedy)]).spec


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("y", "typed", "task", "classes"),
    [
        (lambda i: i % 2, [], "regression", ()),
        (lambda i: i % 2, [CLASSES], "classification", ("0", "1")),
        (lambda i: i % 12 + 1, [CLASSES], "classification", tuple(map(str, range(1, 13)))),
        (lambda i: f"{i % 3}.0" if i % 9 else "", [CLASSES], "classification", ("0", "1", "2")),
        (lambda i: f"{i % 3:02}", [CLASSES], "classification", ("00", "01", "02")),
        (lambda i: (i % 5 + 1) / 2, [CLASSES], "classification", ("0.5", "1", "1.5", "2", "2.5")),
        (lambda i: 84713000 + 10 * (i % 3) + 5 * (i == 7), [CLASSES], None, ("84713000", "84713010", "84713015")),
        (lambda i: [1, "1.0", 2][i % 3], ["data.categorical=[y]", CLASSES], "classification", ("1", "2")),
        (lambda i: "b" if i == 50 else "a", [CLASSES], "classification", ("a", "b")),
        (lambda i: i % 3, ["task=reconstruction", "data.categorical=[y]"], "classification", ("0", "1", "2")),
    ],
)
def test_the_task_alone_decides(
    y: Callable[[int], object], typed: list[str], task: str | None, classes: tuple[str, ...], tmp_path: Path
) -> None:
    data = built(write(tmp_path / "a.csv", columns(y)), ["data.target=y", *typed])
    assert task in (data.spec.task, None)
    assert set(classes) <= set(data.spec.class_names)
    assert task is None or data.spec.class_names == classes


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("y", "typed", "named"),
    [
        (lambda i: i % 2, [], "its 2 different whole numbers (0, 1) are predicted as numbers"),
        (lambda i: f"{i % 3 + 1}.0", [], "its 3 different whole numbers (1, 2, 3) are predicted as numbers"),
        (lambda i: i % 2, [CLASSES], "its 2 different numbers (0, 1) are classes"),
        (lambda i: i % 3, [CLASSES, "data.categorical=[y]"], "add task=regression 'data.categorical=[]'"),
        (lambda i: i / 7, [], None),
        (lambda i: "ab"[i % 2], [CLASSES], None),
    ],
)
def test_what_few_numbers_are_taken_for_is_logged_with_the_setting_that_changes_it(
    y: Callable[[int], object], typed: list[str], named: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = write(tmp_path / "a.csv", columns(y))
    first = built(path, ["data.target=y", *typed]).spec
    told = [message for message in caplog.messages if message.startswith("data.target=y")]
    assert len(told) == (named is not None)
    for message in told:
        assert str(named) in message
        other = built(path, ["data.target=y", *typed, *shlex.split(message.rpartition(" add ")[2])]).spec
        assert other.task != first.task


def test_a_class_without_a_row_to_train_on_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.csv", columns(lambda i: "ab"[i % 2]))
    other = write(tmp_path / "b.csv", columns(lambda i: "abc"[i % 3], 30))
    data = built(path, ["data.target=y", CLASSES, f"data.test_path={other}"])
    assert data.spec.class_names == ("a", "b", "c")
    assert [m for m in caplog.messages if " of c" in m] == ["data: train has no rows of c; val has no rows of c"]


def test_names_that_differ_in_case_only_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.csv", columns(lambda i: ["cat", "Cat ", " cat", "dog"][i % 4]))
    assert built(path, ["data.target=y", CLASSES]).spec.class_names == ("Cat", "cat", "dog")
    assert any("Cat and cat are different classes" in message for message in caplog.messages)


def test_a_network_of_numbers_is_not_evaluated_on_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", columns(lambda i: i))
    trained = built(path, ["data.target=y"]).spec
    write(path, columns(lambda i: "ab"[i % 2]))
    config = compose(["data=csv", "model=linear", f"data.path={path}", "data.target=y"]).config
    with pytest.raises(UserError, match=r"^data\.target=y: is text \(a, b\), and the network was trained to predict"):
        build_data(config, trained)


def test_a_network_of_classes_is_evaluated_on_one_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", columns(lambda i: i % 3))
    typed = ["data=csv", "model=linear", f"data.path={path}", "data.target=y", CLASSES]
    trained = built(path, typed[3:]).spec
    write(path, columns(lambda i: "2.0"))
    assert build_data(compose(typed).config, trained).spec == trained
