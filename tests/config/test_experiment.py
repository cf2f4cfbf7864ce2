import shutil
from pathlib import Path

import pytest

from leyden.config import compose
from leyden.errors import UserError

CONFIGS = Path(__file__).parents[2] / "configs"


def test_an_experiment_without_its_header_is_refused_instead_of_training_the_defaults(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    shutil.copytree(CONFIGS, configs)
    text = "trainer:\n  max_epochs: 3\n"
    (configs / "experiment" / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match="# @package _global_"):
        compose(["experiment=mine"], configs=configs)
    (configs / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    assert compose(["experiment=mine"], configs=configs).config["trainer"]["max_epochs"] == 3


def test_settings_of_this_machine_lose_against_experiment_and_debug(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    shutil.copytree(CONFIGS, configs, ignore=shutil.ignore_patterns("local"))
    (configs / "local").mkdir()
    (configs / "local" / "default.yaml").write_text("# @package _global_\npaths:\n  log_dir: mine\nseed: 7\n")
    assert compose([], configs=configs).config["paths"]["log_dir"] == "mine"
    assert compose(["debug=limit"], configs=configs).config["paths"]["log_dir"] == "logs/debug"
    assert compose(["seed=8"], configs=configs).config["seed"] == 8
