"""Paths that are typed, as Hydra hears them."""

from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.config.overrides import allow_new_values


def heard(argument: str) -> Any:
    """What Hydra makes of it."""
    (override,) = OverridesParser.create().parse_overrides(allow_new_values([argument]))
    return list(override.sweep_string_iterator()) if override.is_sweep_override() else override.value()


SETTINGS = ["run", "resume", "init_from", "ckpt", "input", "output"]


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/été",
        "/tmp/a b=c'd",
        "/tmp/日本/ü.ckpt",
        "logs/(1) [2] {3}",
        "it's",
        "a#b@c~d",
        "$x",
        "logs/mnist/last",
        "C:\\runs\\a",
        "C:\\my runs\\",
        "a \\'b",
    ],
)
def test_a_path_reaches_a_command_unharmed(path: str) -> None:
    assert {heard(f"{setting}={path}") for setting in SETTINGS} == {path}


def test_a_path_that_is_in_quotes_stays_so() -> None:
    assert heard("run='a b'") == heard('run="a b"') == "a b"


def test_a_job_of_a_sweep_is_a_path_and_others_with_commas_are_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = tmp_path / "optimizer.lr=0.1,seed=2"
    job.mkdir()
    for path in (str(job), job.name):
        assert heard(f"run={path}") == path
    assert heard("run=a,b") == ["a", "b"]
    assert heard("resume=logs/a,logs/b") == ["logs/a", "logs/b"]
    assert heard("seed=1,2") == ["1", "2"]
    assert heard("run=null") is None
