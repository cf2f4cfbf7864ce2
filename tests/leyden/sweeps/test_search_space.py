from typing import Any

import pytest

from leyden.sweeps.param_values import Choices, Numbers, override_key, parse, parse_values, plain
from leyden.sweeps.search_space import SearchSpace
from leyden.system.errors import UserError


def made(params: Any, *typed: str, constants: tuple[str, ...] = (), **others: Any) -> SearchSpace:
    overrides = [parse(*text.split("=", 1)) for text in typed]
    return SearchSpace(params, {o.get_key_element(): o for o in overrides}, constants, others.__getitem__)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("interval(1e-4,1e-1)", Numbers(1e-4, 1e-1)),
        ("interval(1,9)", Numbers(1.0, 9.0)),
        ("tag(log, interval(1e-4, 1e-1))", Numbers(1e-4, 1e-1, log=True)),
        ("int(interval(1,9))", Numbers(1, 9, whole=True)),
        ("tag(int, log, interval(1,64))", Numbers(1, 64, log=True, whole=True)),
        ("range(1,9,2)", Numbers(1, 7, whole=True, step=2)),
        ("range(5)", Numbers(0, 4, whole=True, step=1)),
        ("range(0.1,0.5,0.1)", Numbers(0.1, 0.4, step=0.1)),
        ("choice(a,b,a)", Choices(("a", "b"))),
        ("a,b", Choices(("a", "b"))),
        ("7", Choices(("7",))),
    ],
)
def test_spaces_are_written_as_hydra_writes_them(text: str, values: Numbers | Choices) -> None:
    found = parse_values(parse("some.key", text))
    assert found == values
    assert isinstance(found, Choices) or isinstance(found.low, int) is found.whole


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[1,2],[3],[]", [[1, 2], [3], []]),
        ("choice([256,128],[64])", [[256, 128], [64]]),
        ("null,true,1.5,5,'5',''", [None, True, 1.5, 5, "5", ""]),
        ("'a b','c,d',\"e'f\",'it\\'s','x=y'", ["a b", "c,d", "e'f", "it's", "x=y"]),
        ("[x,'y, z'],{a:1,b:[2]}", [["x", "y, z"], {"a": 1, "b": [2]}]),
        ("1e-3,1e-05", [1e-3, 1e-5]),
    ],
)
def test_the_text_of_a_choice_is_read_again_as_the_same(text: str, values: list[Any]) -> None:
    found = parse_values(parse("some.key", text))
    assert isinstance(found, Choices)
    read = [plain(one) for one in found.texts]
    assert read == values
    assert [type(one) for one in read] == [type(one) for one in values]


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-05, 1.2345678901234567e-07, 3.0, -2.5e20])
def test_the_text_of_a_number_is_exact(value: float) -> None:
    read = plain(Numbers(-1e30, 1e30).text(value))
    assert isinstance(read, float)
    assert read == value
    assert Numbers(1, 5, whole=True).text(3) == "3"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tag(log, interval(0,1))", "both bounds must be greater than 0"),
        ("interval(2,1)", "the first bound must be the smaller one"),
        ("tag(int, interval(1.5,3))", "both bounds must be whole numbers"),
        ("tag(lgo, interval(1,3))", "unknown tag lgo; there are log and int"),
        ("shuffle(choice(a,b))", "leave shuffle out"),
        ("range(3,1)", "the range is empty"),
        ("range(1,3,0)", "the step must not be 0"),
        ("tag(log, range(1,9))", "a range takes no tag"),
        ("interval(1e-4", "cannot be parsed"),
        ("interval(0,inf)", "both bounds must be finite"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_text(text: str, why: str) -> None:
    with pytest.raises(UserError) as told:
        parse_values(parse("optimizer.lr", text))
    assert why in str(told.value)
    assert f"optimizer.lr={text}" in str(told.value)
    assert "\n" not in str(told.value)


def test_keys_are_those_that_hydra_takes() -> None:
    assert [override_key(name) for name in ("optimizer.lr", "model", "seed")] == ["++optimizer.lr", "model", "seed"]


def test_what_is_typed_replaces_what_the_config_says() -> None:
    params = {
        "optimizer": "choice(adam,sgd)",
        "optimizer.lr": "interval(0,1)",
        "optimizer.momentum": {"when": {"optimizer": "sgd"}, "value": "interval(0,0.5)"},
        "seed": None,
    }
    space = made(params, "optimizer.lr=interval(2,3)", "optimizer.momentum=interval(0.5,0.9)", "model=mlp,cnn")
    values = {param.name: param.values for param in space}
    assert values["optimizer.lr"] == Numbers(2, 3)
    assert values["optimizer.momentum"] == Numbers(0.5, 0.9)
    assert values["model"] == Choices(("mlp", "cnn"))
    assert "seed" not in values
    momentum = next(param for param in space if param.name == "optimizer.momentum")
    assert not space.is_active(momentum, {"optimizer": "adam"})


def test_a_constant_takes_a_param_out_and_conditions_look_at_it() -> None:
    params = {
        "optimizer": "choice(adam,sgd)",
        "optimizer.lr": "interval(0,1)",
        "optimizer.momentum": {"when": {"optimizer": "sgd"}, "value": "interval(0,0.5)"},
    }
    with_sgd = made(params, constants=("optimizer",), optimizer="sgd")
    assert sorted(param.name for param in with_sgd) == ["optimizer.lr", "optimizer.momentum"]
    assert with_sgd.examples()[0].keys() == {"optimizer.lr", "optimizer.momentum"}
    with_adam = made(params, constants=("optimizer",), optimizer="adam")
    assert [param.name for param in with_adam] == ["optimizer.lr"]


def test_conditions_find_their_own_order_and_reach_through_each_other() -> None:
    params = {
        "c": {"when": {"b": [1, 2], "a": "yes"}, "value": "interval(5,6)"},
        "b": {"when": {"a": "yes"}, "value": "range(0,4)"},
        "a": "choice(no,yes)",
    }
    space = made(params)
    names = [param.name for param in space]
    assert names == ["a", "b", "c"]
    b, c = (param for param in space if param.name != "a")
    assert space.is_active(b, {"a": "yes"})
    assert space.is_active(c, {"a": "yes", "b": "2"})
    assert not space.is_active(c, {"a": "yes", "b": "3"})
    assert not space.is_active(c, {"a": "no"})


def test_examples_reach_every_choice_and_both_ends() -> None:
    params = {
        "optimizer": "choice(adam,sgd)",
        "optimizer.momentum": {"when": {"optimizer": "sgd"}, "value": "interval(0.1,0.5)"},
        "model.width": "range(1,9)",
    }
    examples = made(params).examples()
    found = {(name, text) for example in examples for name, text in example.items()}
    momentum = {("optimizer.momentum", text) for text in ("0.1", "0.5")}
    assert found == {("optimizer", "adam"), ("optimizer", "sgd"), ("model.width", "1"), ("model.width", "8")} | momentum
    assert all(("optimizer.momentum" in example) == (example["optimizer"] == "sgd") for example in examples)


def test_true_is_not_one() -> None:
    params = {"flag": "true,false", "x": {"when": {"flag": True}, "value": "interval(0,1)"}}
    space = made(params)
    x = list(space)[1]
    assert space.is_active(x, {"flag": "true"})
    assert not space.is_active(x, {"flag": "1"})


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "there is nothing to search"),
        ([], "must be a mapping"),
        ({"a": {"when": {"b": 1}, "value": "range(3)"}, "b": {"when": {"a": 1}, "value": "range(3)"}}, "each other: "),
        (
            {"a": {"when": {"bb": 1}, "value": "range(3)"}, "bbb": "range(3)"},
            "a.when.bb: unknown key; did you mean bbb?",
        ),
        ({"a": {"when": {"b": "y"}, "value": "range(3)"}, "b": "choice(x,yy)"}, "when.b=y: is not among its values"),
        ({"a": {"when": {"b": 9}, "value": "range(3)"}, "b": "range(3)"}, "is never drawn; the range is 0 to 2"),
        ({"optimizer": {"lr": "interval(0,1)"}}, "typed as 'optimizer.lr=interval(…)'"),
        ({"a": {"when": {"b": 1}}, "b": "range(3)"}, "sweep.params.a: must be a range or choices"),
        ({"a": {"when": 3, "value": "range(3)"}}, "sweep.params.a.when=3: must be a mapping"),
        (
            {"a": ["x", "y"]},
            "sweep.params.a: must be a range or choices, as in interval(0,1), range(1,9) or choice(a,b)",
        ),
        ({"monitor": "choice(val/acc,val/loss)"}, "monitor: cannot be searched"),
        ({"sweep.n_trials": "range(3)"}, "sweep.n_trials: cannot be searched"),
    ],
)
def test_what_does_not_hold_is_refused_in_one_line(params: Any, why: str) -> None:
    with pytest.raises(UserError) as told:
        made(params)
    assert why in str(told.value)
    assert "\n" not in str(told.value)


def test_the_description_in_a_study_keeps_its_form_so_that_older_studies_resume() -> None:
    space = made(
        {"a": "tag(log,interval(1e-3,1))", "b": {"when": {"c": "x"}, "value": "range(1,9,2)"}, "c": "choice(x,y)"}
    )
    assert space.describe() == {
        "a": {"values": "Numbers(low=0.001, high=1.0, log=True, whole=False, step=None)"},
        "b": {"values": "Numbers(low=1, high=7, log=False, whole=True, step=2)", "when": {"c": ["x"]}},
        "c": {"values": "Choices(texts=('x', 'y'))"},
    }
