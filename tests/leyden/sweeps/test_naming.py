import pytest

from leyden.sweeps.naming import LONGEST, job_name, sweep_name
from leyden.system.errors import UserError


def test_a_job_is_named_by_what_it_runs() -> None:
    assert job_name({"seed": 1, "optimizer.lr": 0.1}) == "optimizer.lr=0.1,seed=1"
    assert job_name({"optimizer.lr": 0.1, "seed": 1}) == "optimizer.lr=0.1,seed=1"  # in whatever order it was typed
    assert job_name({"model.hidden_sizes": [16, 32], "test": True, "scheduler": None}) == (
        "model.hidden_sizes=16-32,scheduler=null,test=true"
    )
    assert job_name({}) == "default"


def test_what_a_name_leaves_out_stands_in_its_hash() -> None:
    nearly = [job_name({"lr": 0.00123456}), job_name({"lr": 0.00123457}), job_name({"lr": 0.001235})]
    assert [name.partition("_")[0] for name in nearly] == ["lr=0.001235"] * 3
    assert len(set(nearly)) == 3
    assert nearly[2] == "lr=0.001235"


def test_texts_that_look_like_something_else_are_told_apart() -> None:
    for values in (["1", 1], ["null", None], ["true", True], [[1, 2], "1-2"], [[], ""]):
        assert len({job_name({"a": value}) for value in values}) == 2


@pytest.mark.parametrize(
    "settings", [{"a": "x/../y z"}, {"a": "x" * 300}, {"a": {"b": 1}}, {"a": "ä\n"}, {"a": "漢" * 100}]
)
def test_any_value_makes_the_name_of_a_directory(settings: dict[str, object]) -> None:
    name = job_name(settings)
    assert name == job_name(settings)
    assert len(name.encode()) <= LONGEST
    assert not set("/\\\n ") & set(name)


def test_long_names_that_begin_alike_differ() -> None:
    assert job_name({"a": "x" * 300 + "1"}) != job_name({"a": "x" * 300 + "2"})


def test_a_sweep_is_named_by_its_keys_and_by_what_is_the_same_for_all() -> None:
    assert sweep_name(None, None, ["seed", "optimizer.lr"], {}) == "optimizer.lr,seed"
    constants = {"trainer.max_epochs": "3", "experiment": "mnist_mlp", "paths.log_dir": "elsewhere"}
    assert sweep_name(None, None, ["seed"], constants) == "seed__trainer.max_epochs=3"
    assert sweep_name(None, None, [], {}) == "single"
    assert sweep_name("mine", None, ["seed"], constants) == "mine"


def test_a_search_goes_on_when_it_is_to_have_more_trials_and_is_another_with_another_sampler() -> None:
    fewer, more = ({"sweep": "optuna", "sweep.n_trials": text} for text in ("10", "20"))
    assert sweep_name(None, "optuna", [], fewer) == sweep_name(None, "optuna", [], more) == "optuna"
    assert sweep_name(None, "optuna", [], {"sweep/sampler": "random"}) != "optuna"


@pytest.mark.parametrize("name", ["a/b", "..", "", "a b"])
def test_a_name_that_is_none_of_a_directory_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"sweep\.name="):
        sweep_name(name, None, [], {})
