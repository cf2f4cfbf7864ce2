from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.config.overrides import allow_new_values, as_typed, did_you_mean
from leyden.errors import UserError


@pytest.mark.parametrize("setting", ["optimizer.lr=1", "a.b.c=[1,2]", "optimizer.lr=0.1,0.01", "data.root=a/b=c"])
def test_a_value_may_be_set_whether_it_stands_in_the_yaml_or_not(setting: str) -> None:
    assert allow_new_values([setting]) == [f"++{setting}"]
    assert as_typed([f"++{setting}"]) == [setting]


@pytest.mark.parametrize(
    "other", ["model=cnn", "seed=1", "-m", "--help", "+a.b=1", "++a.b=1", "~a.b=1", "hydra.mode=RUN"]
)
def test_everything_else_is_left_to_hydra(other: str) -> None:
    assert allow_new_values([other]) == [other]


def test_the_nearest_words_are_offered() -> None:
    assert did_you_mean("modle", ["model", "mode", "task"]) == "; did you mean mode or model?"
    assert (
        did_you_mean("optimizer.learning_rate", ["optimizer.lr", "optimizer.amsgrad"]) == "; did you mean optimizer.lr?"
    )
    assert did_you_mean("zzz", ["model", "task"]) == "; there are: model, task"
    assert did_you_mean("zzz", []) == ""


def test_the_flag_of_a_sweep_may_stand_anywhere() -> None:
    assert allow_new_values(["seed=1,2", "-m", "data.fold=0,1"]) == ["-m", "seed=1,2", "++data.fold=0,1"]


@pytest.mark.parametrize("argument", ["--cfg=job", "--config-name=train", "--resolve"])
def test_options_of_hydra_are_left_alone(argument: str) -> None:
    assert allow_new_values([argument]) == [argument]


def test_a_setting_typed_as_an_option_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--optimizer\.lr=1: a setting has no dashes; write optimizer\.lr=1$"):
        allow_new_values(["--optimizer.lr=1"])


def heard(argument: str) -> Any:
    """What Hydra makes of it."""
    (override,) = OverridesParser.create().parse_overrides(allow_new_values([argument]))
    return list(override.sweep_string_iterator()) if override.is_sweep_override() else override.value()


@pytest.mark.parametrize("setting", ["run", "resume", "init_from", "ckpt", "input", "output"])
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
    ],
)
def test_a_path_reaches_a_command_unharmed(setting: str, path: str) -> None:
    assert heard(f"{setting}={path}") == path
    assert heard(f"{setting}='a b'") == heard(f'{setting}="a b"') == "a b"


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
