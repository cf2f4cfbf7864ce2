from pathlib import Path

import pytest
from hydra.errors import OverrideParseException

from leyden.config.messages.hydra_errors import explain
from leyden.config.overrides import allow_new_values, as_typed, without_password
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean

CONFIGS = Path(__file__).parents[3] / "configs"
WORDS = {name: Vocabulary(CONFIGS / f"{name}.yaml") for name in ("train", "eval")}


@pytest.mark.parametrize("setting", ["optimizer.lr=1", "a.b.c=[1,2]", "optimizer.lr=0.1,0.01", "data.root='a/b=c'"])
def test_a_value_may_be_set_whether_it_stands_in_the_yaml_or_not(setting: str) -> None:
    assert allow_new_values([setting]) == [f"++{setting}"]
    assert as_typed([f"++{setting}"]) == [setting]


@pytest.mark.parametrize(
    "other", ["model=cnn", "seed=1", "-m", "--help", "+a.b=1", "++a.b=1", "~a.b=1", "hydra.mode=RUN"]
)
def test_everything_else_is_left_to_hydra(other: str) -> None:
    assert allow_new_values([other]) == [other]


def test_the_nearest_words_are_offered() -> None:
    assert did_you_mean("modle", ["model", "mode", "task"]) == "; did you mean model?"
    assert (
        did_you_mean("optimizer.learning_rate", ["optimizer.lr", "optimizer.amsgrad"]) == "; did you mean optimizer.lr?"
    )
    assert did_you_mean("zzz", ["model", "task"]) == "; there are: model, task"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("MNIST", ["kmnist", "mnist"]) == "; did you mean mnist?"
    assert did_you_mean("data.drop_last", ["data.root", "data.seed"]) == "; there are: data.root, data.seed"


@pytest.mark.parametrize(
    ("command", "typed", "remedy"),
    [
        ("eval", "--split val", "split=val"),
        ("train", "--resume", "resume=last"),
        ("train", "--optimizer.lr=1", "optimizer.lr=1"),
        ("train", "-lr 1 --epochs 3", "optimizer.lr=1 trainer.max_epochs=3"),
    ],
)
def test_a_setting_typed_as_an_option_is_refused(command: str, typed: str, remedy: str) -> None:
    with pytest.raises(UserError) as refused:
        allow_new_values(typed.split(), WORDS[command])
    assert str(refused.value) == f"{typed}: a setting has no dashes; write {remedy}"


def test_what_a_setting_might_be_called_leads_to_it() -> None:
    assert WORDS["eval"].hint("checkpoint", "last") == "; did you mean ckpt=last?"
    assert WORDS["train"].hint("run", "last") == "; did you mean resume=last?"
    assert WORDS["train"].hint("epochs", "3") == "; did you mean trainer.max_epochs=3?"
    assert did_you_mean("epochs", ["model"]) == "; there are: model"


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://me:hunter2@host/db",
        "'postgresql://me:hunter2@host/db'",
        '"postgresql://me:\'hunter2@host/db"',
        "'\"postgresql://me:a b hunter2@host/db\"'",
        "postgresql://me@cloud:a@hunter2@host/db",
        "postgresql://host/db?user=me&password=hunter2",
        "sqlite:///file:a?key=hunter2",
        "${oc.env:STUDY_DB,hunter2}",
        "a,hunter2",
    ],
)
@pytest.mark.parametrize("key", ["sweep.storage", "+sweep.storage", "++sweep.storage"])
def test_the_url_of_a_database_is_recorded_nowhere(key: str, value: str) -> None:
    assert as_typed([f"{key}={value}"]) == ["sweep.storage=***"]
    assert "hunter2" not in explain(OverrideParseException(override=f"{key}={value}", message="no"))
    with pytest.raises(UserError) as refused:
        allow_new_values([f"--{key.lstrip('+')}={value}"], WORDS["train"])
    assert "hunter2" not in str(refused.value)


def test_an_error_is_told_without_passwords() -> None:
    for text in (
        "a://me:hunter2@host/b",
        "a://me@c:x@hunter2@host",
        "a://h/b?sslPassword=hunter2&x=1",
        "?token=hunter2'",
    ):
        assert "hunter2" not in without_password(text)
        assert "hunter2" not in explain(UserError(f"x: {text} is not there"))
    assert without_password("'a://h/b?password=x'") == "'a://h/b?password=***'"
    assert without_password("http://host:80/a?b=c") == "http://host:80/a?b=c"
