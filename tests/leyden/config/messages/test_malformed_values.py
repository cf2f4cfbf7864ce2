from pathlib import Path

import pytest
from hydra.errors import OverrideParseException

from leyden.config.messages.hydra_errors import explain
from leyden.config.names import top_level_keys
from leyden.config.overrides import allow_new_values
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError

CONFIGS = Path(__file__).parents[4] / "configs"
TRAIN = Vocabulary(CONFIGS / "train.yaml")
COMMA = "ends in a comma; values follow one another without spaces"


def refusal(typed: list[str]) -> str:
    with pytest.raises(UserError) as refused:
        allow_new_values(typed, Vocabulary(CONFIGS / "predict.yaml") if typed[0].startswith("run") else TRAIN)
    return str(refused.value)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["a.b=1,", "2"], f"a.b=1,: {COMMA}: a.b=1,2"),
        (["seed=1,", "2,", "3", "a.b=1"], f"seed=1,: {COMMA}: seed=1,2,3"),
        (["a.b=1,", "-0.5"], f"a.b=1,: {COMMA}: a.b=1,-0.5"),
        (["model.hidden_sizes=[8,", "4]"], f"model.hidden_sizes=[8,: {COMMA}: 'model.hidden_sizes=[8,4]'"),
        (["seed=1,", "a.b=1"], f"seed=1,: {COMMA}; leave it out: seed=1"),
        (["seed=1,2,"], f"seed=1,2,: {COMMA}; leave it out: seed=1,2"),
        (["seed=1", ",2"], "seed=1: values follow one another without spaces: seed=1,2"),
        (["a.b=", "1"], "a.b=: ends in =; the value follows without a space: a.b=1"),
        (["run=", "last"], "run=: ends in =; the value follows without a space: run=last"),
        (["a.b=", "1,", "2"], "a.b=: ends in =; the value follows without a space: a.b=1,2"),
    ],
)
def test_a_setting_that_a_space_takes_apart_is_put_together(typed: list[str], told: str) -> None:
    assert refusal(typed) == told


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@host/db", "postgresql://me@cloud:a@hunter2@host/d?b(c)"])
def test_the_url_of_a_database_that_a_space_takes_apart_is_masked(url: str) -> None:
    told = refusal(["sweep.storage=", url])
    assert told == "sweep.storage=***: ends in =; the value follows without a space: 'sweep.storage=***'"
    assert refusal(["sweep.storage=a,", url]).endswith(f"{COMMA}: 'sweep.storage=***'")


@pytest.mark.parametrize("typed", [["seed=", "a=1"], ["seed="], ["a='1,'", "b=2"]])
def test_settings_that_no_space_splits_are_left_to_hydra(typed: list[str]) -> None:
    assert allow_new_values(typed, TRAIN) == typed


def test_a_path_may_end_in_a_comma(tmp_path: Path) -> None:
    path = tmp_path / "run,"
    path.mkdir()
    assert allow_new_values([f"resume={path}"], TRAIN) == [f"resume='{path}'"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("model=[a,b]", "model=[a,b]: takes one name, without brackets"),
        ("+model=[mlp, cnn]", "+model=[mlp, cnn]: takes one name, or several with -m: -m model=mlp,cnn"),
        ("model@x=[cnn]", "model@x=[cnn]: takes one name, without brackets: model=cnn"),
        (
            "data=[csv,mnist],kmnist",
            "data=[csv,mnist],kmnist: takes one name, or several with -m: -m data=csv,mnist,kmnist",
        ),
        ("data=choice([csv],mnist)", "data=choice([csv],mnist): takes one name, or several with -m: -m data=csv,mnist"),
        (
            "hydra/launcher=[local,ray]",
            "hydra/launcher=[local,ray]: takes one name, or several with -m: -m hydra/launcher=local,ray",
        ),
        ("optimizer=[sgd]", "optimizer=[sgd]: takes one name, without brackets: optimizer=sgd"),
        ("optimizer=[]", "optimizer=[]: takes one name, without brackets"),
        ("scheduler=null", "scheduler=null: takes the name of a file; write scheduler=none"),
        ("model@x=null", "model@x=null: takes the name of a file, model=…"),
    ],
)
def test_a_list_of_files_is_refused_where_one_is_chosen(typed: str, told: str) -> None:
    message, _, known = refusal([typed]).partition("; there are: ")
    assert message == told
    assert bool(known) == ("; write" not in told)


@pytest.mark.parametrize(
    "typed",
    [
        "callbacks=[hooks,unfreeze]",
        "logger=[csv,wandb]",
        "debug=[limit,profiler]",
        "model=glob([m*,c*])",
        "trainer=[gpu,ddp]",
        "seed=[1]",
    ],
)
def test_a_list_is_taken_where_its_files_add_to_one_another(typed: str) -> None:
    assert allow_new_values([typed], TRAIN) == [typed]


@pytest.mark.parametrize(
    ("typed", "a_list"),
    [
        ("experiment=a,b", ""),
        ("trainer=gpu,ddp", ""),
        ("+data@other=a,b", ""),
        ("sweep/sampler=a,b", ""),
        ("logger=csv,wandb", ", or write 'logger=[csv,wandb]' for a list"),
        ("seed=1,2", ""),
        ("optimizer.lr=1e-1,2", ""),
        ("model.hidden_sizes=1,2", ", or write 'model.hidden_sizes=[1,2]' for a list"),
    ],
)
def test_several_values_are_no_list_for_a_group(typed: str, a_list: str) -> None:
    error = ValueError(f"Ambiguous value for argument '{typed}'\n1. To use it as a list, …")
    assert explain(error, TRAIN) == f"{typed.lstrip('+')}: several values; add -m to run each{a_list}"


def test_the_keys_of_a_primary_config_and_of_what_it_extends_tell_the_groups() -> None:
    keys = top_level_keys(CONFIGS / "eval.yaml")
    assert keys["experiment"]
    assert keys["local"]
    assert not keys["seed"]
    assert not keys["run"]
    assert keys["hydra/launcher"]


@pytest.mark.parametrize(
    ("value", "bracket"), [("range(2", "("), ("[1,[2]", "["), ("{a: 1", "{"), ("choice([1,2", "["), ("['a]',(1)", "[")]
)
def test_a_bracket_that_is_not_closed_is_named(value: str, bracket: str) -> None:
    said = explain(OverrideParseException(override=f"++a.b={value}", message="no"))
    assert said.startswith(f"a.b={value}: cannot be read; the bracket {bracket} is not closed; if it continues after")


@pytest.mark.parametrize("value", ["a(b)c d", "1)", "'(' x"])
def test_brackets_that_are_closed_or_text_are_not_blamed(value: str) -> None:
    assert "not closed" not in explain(OverrideParseException(override=f"a={value}", message="no"))
