"""`init_from` as a path or a mapping, in a file and as typed."""

from pathlib import Path
from typing import Any

import pytest
import torch

from leyden.config.compose import compose
from leyden.config.initial_weights import initial_path, initial_weights
from leyden.system.errors import UserError

FULL = {"path": "a b/w.pt", "key": "gen", "rename": {r"^old\.(\w+)": r"new.\1", "x": ""}, "into": "backbone"}


def test_a_path_and_a_mapping_are_read() -> None:
    assert initial_weights(None) is None
    assert initial_weights("last") == {"path": "last"}
    assert initial_weights(FULL) == FULL
    assert initial_weights({"path": "w.pt", "key": None}) == {"path": "w.pt"}
    assert initial_path(FULL) == "a b/w.pt"
    assert initial_path("runs/a") == "runs/a"
    assert initial_path(None) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"key": "a"}, r"\.path: no value given"),
        ({"path": "w", "renam": {}}, r"\.renam: unknown key; did you mean rename\?$"),
        ({"path": "w", "key": ["a"]}, r"\.key=\[a\]: must be text$"),
        ({"path": "w", "rename": "a"}, r"\.rename=a: must be a mapping of patterns"),
        ({"path": "w", "rename": {"(a": "b"}}, r"\.rename: \(a is no regular expression"),
        ("{path: w, rename: {[: b}}", r": cannot be read"),
    ],
    ids=str,
)
def test_a_wrong_mapping_is_one_line(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^init_from{message}") as refusal:
        initial_weights(value)
    assert "\n" not in str(refusal.value)


def test_a_mapping_is_typed_as_in_yaml_and_its_path_is_resolved(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save({}, file)
    for typed in (
        f"init_from={{path: {file}, rename: {{^old\\.(a|b): 'new.'}}, key: generator}}",
        f'init_from={{path: "{file}", key: generator, rename: {{"^old\\\\.(a|b)": new.}}}}',
    ):
        found = compose(["model=linear", typed, f"paths.log_dir={tmp_path}"]).config["init_from"]
        assert found == {"path": str(file), "rename": {r"^old\.(a|b)": "new."}, "key": "generator"}
    assert compose([f"init_from={{path: {file}}}"]).config["init_from"] == str(file)
    with pytest.raises(UserError, match=r"^init_from=nowhere\.pt: does not exist"):
        compose(["init_from={path: nowhere.pt, key: a}"])
    with pytest.raises(UserError, match=r"^init_from\.keys: unknown key; did you mean key\?$"):
        compose([f"init_from={{path: {file}, keys: a}}"])
