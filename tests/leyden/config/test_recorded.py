"""The config of a run that there is already, with what is typed on top."""

import shutil
from pathlib import Path

import pytest

from leyden.config.compose import compose_run
from leyden.records.record import rebase_paths
from tests.leyden.helpers.kept_runs import CONFIGS, Changes, changes, keep, refusal, told


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "changed"),
    [
        ("split=val", {}),
        ("trainer=cpu", {"trainer.accelerator": "cpu"}),
        ("data.batch_size=512", {"data.batch_size": 512}),
        ("data.batch_size=64", {"data.batch_size": 64}),  # as the YAML says
        ("data.batch_size=32", {}),  # as the run has it
        ("paths.data_dir=else", {"paths.data_dir": "else", "data.root": "else"}),
        ("test=false", {"test": False}),
        ("seed=1", {"seed": 1, "data.seed": 1}),
        ("trainer.limit_test_batches=3", {"trainer.limit_test_batches": 3}),
        ("data.augment.rotation=9", {"data.augment.rotation": 9}),
        ("~data.augment", {"data.augment": "gone"}),
        ("~trainer.precision", {"trainer.precision": "gone"}),
        ("logger=csv", {"logger.tensorboard": "gone"}),
    ],
)
def test_an_override_changes_what_it_says_and_nothing_else(typed: str, changed: Changes, made: Path) -> None:
    assert changes(made, typed) == changed


def test_several_overrides_are_put_on_top_together(made: Path) -> None:
    typed = ["trainer=cpu", "trainer.max_epochs=9", "data.root=${paths.data_dir}/more", "paths.data_dir=else"]
    wanted = {"accelerator": "cpu", "max_epochs": 9}
    found = changes(made, *typed)
    assert found.pop("data.root") == "else/more"
    assert found == {"paths.data_dir": "else"} | {f"trainer.{name}": value for name, value in wanted.items()}


def test_a_group_comes_with_the_runs_own_paths(made: Path) -> None:
    added = changes(made, "callbacks=early_stopping")
    folders = [node["dirpath"] for name, node in added.items() if name in ("callbacks.best", "callbacks.last")]
    assert folders == [f"{made}/checkpoints"] * 2
    assert added["callbacks.early_stopping"]["monitor"] == "val/acc"
    assert not [name for name in added if not name.startswith("callbacks.")]


def test_the_projects_yaml_of_today_says_nothing_that_is_not_asked_for(made: Path, configs: Path) -> None:
    for name, old, new in (
        ("model/cnn", "hidden_sizes:", "hidden_sizes: [1, 2, 3] #"),
        ("data/mnist", "val_size:", "val_size: 0.5 #"),
        ("optimizer/sgd", "momentum:", "momentum: 0.5 #"),
        ("trainer/default", "devices:", "log_every_n_steps: 7\ndevices:"),
        ("train", "seed: 42", "seed: 43"),
    ):
        path = configs / f"{name}.yaml"
        assert old in path.read_text(), name
        path.write_text(path.read_text().replace(old, new))
    assert changes(made, configs=configs) == {}
    assert changes(made, "data.batch_size=8", configs=configs) == {"data.batch_size": 8}
    assert changes(made, "trainer=cpu", configs=configs) == {"trainer.accelerator": "cpu"}


def test_a_value_is_set_though_todays_yaml_has_it_already(made: Path, configs: Path) -> None:
    path = configs / "data" / "mnist.yaml"
    path.write_text(path.read_text().replace("val_size:", "val_size: 0.5 #"))
    assert changes(made, "data.val_size=0.5", configs=configs) == {"data.val_size": 0.5}


def test_a_group_is_chosen_though_todays_default_says_the_same(made: Path, configs: Path) -> None:
    path = configs / "trainer" / "default.yaml"
    path.write_text(path.read_text().replace("accelerator: auto", "accelerator: cpu"))
    assert changes(made, "trainer=cpu", configs=configs) == {"trainer.accelerator": "cpu"}
    assert changes(made, "trainer=cpu", "trainer.accelerator=gpu", configs=configs) == {"trainer.accelerator": "gpu"}
    assert changes(made, "trainer.max_epochs=4", configs=configs) == {"trainer.max_epochs": 4}
    path = configs / "callbacks" / "none.yaml"
    path.write_text("summary:\n  _target_: lightning.pytorch.callbacks.RichModelSummary\n  max_depth: 7\n")
    assert changes(made, "callbacks=none", configs=configs)["callbacks.summary"]["max_depth"] == 7


def test_what_is_taken_out_of_a_group_that_is_chosen_is_out(made: Path) -> None:
    for typed in ("callbacks.early_stopping=null", "~callbacks.early_stopping"):
        assert not changes(made, "callbacks=early_stopping", typed).get("callbacks.early_stopping"), typed


def test_a_run_whose_experiment_is_gone_is_as_it_was_and_takes_no_overrides(tmp_path: Path, configs: Path) -> None:
    mine = configs / "experiment" / "mine.yaml"
    mine.write_text("# @package _global_\nseed: 7\n")
    run = keep(tmp_path / "logs", "experiment=mine", configs=configs)
    assert changes(run, "seed=8", configs=configs) == {"seed": 8, "data.seed": 8}
    mine.unlink()
    assert changes(run, configs=configs) == {}
    message = refusal(run, "data.batch_size=8", configs=configs)
    assert message.startswith(f"{run}: its experiment cannot be composed from configs/ any more")
    assert "mine" in message
    assert "leave them out, or check out the run's commit" in message


@pytest.mark.parametrize("typed", ["experiment=mnist_cnn", "debug=limit"])
def test_a_run_has_an_experiment_of_its_own(typed: str, made: Path) -> None:
    assert refusal(made, typed).endswith(": a run has its own; use single settings, or start a new run")


def test_a_moved_run_has_its_paths_where_it_is_now(run: Path, made: Path) -> None:
    found = compose_run([f"run={run}"])[0]
    assert str(made) not in str(found.config)
    assert found.config["paths"]["run_dir"] == found.config["logger"]["csv"]["save_dir"] == str(run)
    assert rebase_paths(found.config, str(run), str(made)) == told(made)
    added = changes(run, "callbacks=default")
    assert added["callbacks.best"]["dirpath"] == f"{run}/checkpoints"


def test_only_whole_names_are_moved() -> None:
    value = {"a": "x/y", "b": ["x/y/z", "x/yz", "k/x/y"], "c": {"d": "x/y\\z"}, "e": 3, "f": None}
    assert rebase_paths(value, "x/y", "n") == {
        "a": "n",
        "b": ["n/z", "x/yz", "k/x/y"],
        "c": {"d": "n\\z"},
        "e": 3,
        "f": None,
    }
