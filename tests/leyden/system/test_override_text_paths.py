"""Paths that are typed, as Hydra hears them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.config.compose import compose
from leyden.config.overrides import allow_new_values
from leyden.system.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"


def heard(argument: str) -> Any:
    """The value that Hydra reads."""
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


@pytest.mark.parametrize(
    "setting",
    [
        *SETTINGS,
        "data.path",
        "data.val_path",
        "data.test_path",
        "data.root",
        "paths.data_dir",
        "paths.log_dir",
        "model.weights",
        "callbacks.best.dirpath",
    ],
)
def test_a_path_below_the_home_directory_begins_at_the_root(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/it's me")
    assert heard(f"{setting}=~/my data/x.csv") == "/home/it's me/my data/x.csv"
    assert heard(f"{setting}=~nobody-of-this-name/x") == "~nobody-of-this-name/x"
    monkeypatch.setenv("HOME", "/home/me")
    assert heard(f"{setting}=~/a,~/b") == ["/home/me/a", "/home/me/b"]


@pytest.mark.parametrize("name", ["a,b.csv", "it's.csv", "x (1).csv", "[x].csv", "2010", "a=b.csv", "true"])
def test_a_file_of_any_name_is_one_path(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert heard(f"data.path={tmp_path / name}") == str(tmp_path / name)


@pytest.mark.parametrize("name", ["2010", "1e5", "true", "it's.csv"])
def test_a_name_that_looks_like_a_number_is_a_path(name: str) -> None:
    assert heard(f"data.path={name}") == name


def test_paths_of_the_yaml_files_may_be_below_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = tmp_path / "configs"
    shutil.copytree(CONFIGS, configs, ignore=shutil.ignore_patterns("local"))
    (configs / "local").mkdir()
    (configs / "local" / "default.yaml").write_text("# @package _global_\npaths: {log_dir: ~/logs, data_dir: ~/data}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = compose(["logger=csv", "data=csv", "data.path=x", "data.target=y"], configs=configs).config
    assert config["paths"]["log_dir"] == str(tmp_path / "logs")
    assert config["logger"]["csv"]["save_dir"].startswith(str(tmp_path / "logs"))
    (configs / "data" / "mine.yaml").write_text("defaults: [csv]\npath: ~/x.csv\ntarget: y\n")
    assert compose(["data=mine"], configs=configs).config["data"]["path"] == str(tmp_path / "x.csv")


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["{epoch}", "{epoch}-{val/acc:.3f}", "e{epoch:03d}", "it's {step}"])
def test_the_pattern_of_a_file_name_needs_no_quotes_for_hydra(name: str) -> None:
    assert compose([f"callbacks.best.filename={name}"]).config["callbacks"]["best"]["filename"] == name
    assert compose([f'callbacks.best.filename="{name}"']).config["callbacks"]["best"]["filename"] == name


def test_checkpoints_of_epochs_that_never_come_are_refused() -> None:
    with pytest.raises(UserError) as refusal:
        compose(["callbacks=every_n_epochs", "trainer.max_epochs=4"])
    message, _, remedy = str(refusal.value).partition("; use ")
    assert message == "callbacks.every_n_epochs.every_n_epochs=10: is never reached in trainer.max_epochs=4"
    compose(["callbacks=every_n_epochs", "trainer.max_epochs=4", remedy])
    compose(["callbacks.last.every_n_epochs=10", "trainer.max_epochs=4"])
