"""Config files of the engine: found like those of configs/, and overridden by a file of the same name there."""

import shutil
from pathlib import Path
from typing import Any

import hydra
import pytest

from leyden.config.compose import compose
from leyden.config.names import ENGINE_CONFIGS
from leyden.config.vocabulary import Vocabulary
from leyden.system.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A copy of configs/."""
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


def launcher(configs: Path, *overrides: str) -> Any:
    with hydra.initialize_config_dir(str(configs), version_base="1.3"):
        return hydra.compose("train", list(overrides), return_hydra_config=True).hydra.launcher


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_of_the_project_overrides_one_of_the_engine(configs: Path) -> None:
    assert launcher(configs, "hydra/launcher=parallel").n_jobs is None
    write(configs / "hydra/launcher/parallel.yaml", "defaults: [local]\nn_jobs: 7\n")
    found = launcher(configs, "hydra/launcher=parallel")
    assert found.n_jobs == 7
    assert found._target_.endswith(".LocalLauncher")  # from the engine's local.yaml
    assert launcher(configs).n_jobs == 1


def test_paths_of_the_project_override_those_of_the_engine(configs: Path) -> None:
    assert compose([], configs).config["paths"]["log_dir"] == "logs"
    write(configs / "paths/default.yaml", "data_dir: data\nlog_dir: results\nrun_dir: null\n")
    experiment = compose([], configs)
    assert experiment.config["paths"]["log_dir"] == "results"
    assert experiment.run_dir.parts[:2] == ("results", "default")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hydra/launcher=paralel", "hydra/launcher=parallel"),
        ("sweep=optuna sweep/pruner=medan", "sweep/pruner=median"),
        ("sweep=optuna sweep/sampler=TPE", "sweep/sampler=tpe"),
        ("paths=defualt", "paths=default"),
        ("hydra/launcher=cluster_of_min", "hydra/launcher=cluster_of_mine"),  # the project's own
    ],
)
def test_files_of_both_are_suggested(typed: str, meant: str, configs: Path) -> None:
    write(configs / "hydra/launcher/cluster_of_mine.yaml", "defaults: [slurm]\n")
    with pytest.raises(UserError) as refused:
        compose(typed.split(), configs)
    assert f"; did you mean {meant}?" in str(refused.value)


def test_a_file_of_both_is_listed_once_and_read_from_the_project(configs: Path) -> None:
    words = Vocabulary(configs / "train.yaml")
    assert words.path("hydra/launcher", "parallel") == ENGINE_CONFIGS / "hydra/launcher/parallel.yaml"
    write(configs / "hydra/launcher/parallel.yaml", "defaults: [local]\n")
    assert words.files("hydra/launcher").count("parallel") == 1
    assert words.path("hydra/launcher", "parallel") == configs / "hydra/launcher/parallel.yaml"
