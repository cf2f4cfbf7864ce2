"""Words that stand for missing values, in settings and in files."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.config.compose import compose
from leyden.data.csv import CSV
from leyden.data.tables.notation import MISSING, spelled
from leyden.data.tables.reader import read_table
from leyden.system.errors import UserError
from leyden.system.override_text import parsed
from tests.leyden.helpers.csv_files import write


def table(folder: Path, word: str, every: int = 5, column: str = "age") -> Path:
    """400 rows of which some have a word in place of a number."""
    lines = [f"{word if i % every == 0 else i * 37 % 71},{i % 13},{i}" for i in range(400)]
    return write(folder / f"{len(word)}.csv", "\n".join([f"{column},x,y", *lines]) + "\n")


def ready(path: Path, **settings: Any) -> CSV:
    data = CSV(str(path), **{"target": "y", **settings})
    data.setup()
    return data


@pytest.mark.parametrize("word", MISSING[:-1])
def test_words_that_pandas_knows_are_missing_values(word: str, tmp_path: Path) -> None:
    read, empty = ready(table(tmp_path, word)), ready(table(tmp_path, ""))
    assert read.spec.columns == empty.spec.columns
    assert torch.equal(read.splits["train"][0], empty.splits["train"][0])


def typed(text: str) -> Any:
    """The setting as Hydra reads it, checked against the signature."""
    config = compose(["data=csv", "data.path=a.csv", "data.target=y", "model=linear", f"data.missing={text}"]).config
    return config["data"]["missing"]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "text", ["[NULL]", "NULL", "[null]", "[NA,-999]", "-999.0", "true", "[N/A]", "missing", '["~"]']
)
def test_words_are_typed_in_a_list_or_alone(text: str, tmp_path: Path) -> None:
    words = spelled(typed(text))
    word = text.strip('["]').rpartition(",")[2]
    assert text == "NULL" or word in words  # null is no list, and NULL is known anyway
    data = ready(table(tmp_path, word), missing=typed(text))
    assert data.spec.columns == ready(table(tmp_path, ""), missing=typed(text)).spec.columns


def test_numbers_stand_for_missing_values_however_they_are_written() -> None:
    assert spelled([-999.0, 5, 0.5]) == ["-999.0", "-999", "5", "5.0", "0.5"]
    assert spelled([float("nan"), None, True]) == [
        *("nan", "NAN", "NaN", "null", "NULL", "Null", "~", "true", "True", "TRUE"),
    ]


@pytest.mark.parametrize(("word", "every"), [("missing", 5), ("missing", 2), ("unknown", 15), (".", 3), ("#DIV/0!", 4)])
@pytest.mark.parametrize("target", [False, True])
def test_words_among_numbers_are_refused_with_a_setting_that_works(
    word: str, every: int, target: bool, tmp_path: Path
) -> None:
    path = table(tmp_path, word, every)
    settings: dict[str, Any] = {"target": "age"} if target else {}
    with pytest.raises(UserError) as refused:
        ready(path, missing=["-7"], **settings)
    message = str(refused.value)
    assert message.startswith(f"{path}, line 2: age={word}: is text in a column of numbers (age: {word} in ")
    assert ("data.categorical" in message) != target
    assert "task=" not in message
    (remedy,) = shlex.split(message.partition("; add ")[2].partition(" if ")[0])
    assert remedy.startswith('data.missing=["-7",')
    data = ready(path, missing=parsed(remedy.partition("=")[2]), **settings)
    assert data.spec.input_shape == ((2,) if target else (3,))


def test_all_words_of_all_columns_are_in_one_message(tmp_path: Path) -> None:
    words = ["missing", "unknown", "it's", "n.a.", "a b"]
    lines = [f"{words[i // 8 % 5] if i % 8 == 0 else i},{'-' if i % 4 == 0 else i},{i}" for i in range(400)]
    path = write(tmp_path / "a.csv", "\n".join(["a,b,y", *lines]))
    with pytest.raises(UserError) as refused:
        ready(path)
    (remedy,) = shlex.split(str(refused.value).partition("; add ")[2].partition(" if ")[0])
    assert "b: - in 100 rows, and 300 numbers" in str(refused.value)
    assert ready(path, missing=parsed(remedy.partition("=")[2])).spec.input_shape == (4,)


def test_words_that_come_behind_the_first_block_are_in_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leyden.data.tables.reader._BLOCK", 400)
    lines = [f"{('bad', 'none yet', 'inf')[i % 3] if i > 400 and i % 2 else i},{i}" for i in range(600)]
    path = write(tmp_path / "a.csv", "\n".join(["a,y", *lines]))
    with pytest.raises(UserError) as refused:
        ready(path)
    assert "line 403: a=inf" in str(refused.value)
    (remedy,) = shlex.split(str(refused.value).partition("; add ")[2].partition(" if ")[0])
    assert ready(path, missing=parsed(remedy.partition("=")[2])).spec.input_shape == (2,)


def test_words_among_dates_are_refused(tmp_path: Path) -> None:
    lines = [f"{'unknown' if i % 4 == 0 else f'2020-01-{i % 28 + 1:02d}'},{i}" for i in range(60)]
    path = write(tmp_path / "a.csv", "\n".join(["d,y", *lines]))
    with pytest.raises(UserError, match=r"d=unknown: is text in a column of dates .*'data\.missing=\[unknown\]'"):
        ready(path)
    assert ready(path, missing="unknown").spec.input_shape == (2,)


@pytest.mark.parametrize("values", [["a", "b", "1", "2"], ["low", "mid", "high", "1"], ["A1", "12", "B7", "13"]])
def test_categories_of_which_some_are_digits_are_categories(values: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\n".join(["c,y", *(f"{values[i % 4]},{i}" for i in range(60))]))
    assert ready(path).spec.input_shape == (4,)


def test_blanks_of_any_kind_are_taken_off(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y\n\u00a05,1\n6\u200b,2\n\u22127,3\n8\x1a,4\n")
    assert read_table(path)["x"].to_list() == [5, 6, -7, 8]
