import shutil
from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.system.errors import UserError
from tests.leyden.helpers.kept_runs import keep

CONFIGS = Path(__file__).parents[3] / "configs"


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


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("seed=abc", "seed=abc: must be a whole number"),
        ("seed=null", "seed=null: must be a whole number"),
        ("trainer.devices=two", "trainer.devices=two: must be a number, a list of numbers or auto"),
        ("seed=1.5", "seed=1.5: must be a whole number"),
        ("seed=-1", "seed=-1: must be between 0 and 4294967295"),
        (
            "callbacks.best.save_last=true",
            "callbacks.best.save_last: last.ckpt is written by callbacks.last; leave this",
        ),
        (
            "callbacks.best.save_last=link",
            "callbacks.best.save_last: last.ckpt is written by callbacks.last; leave this",
        ),
    ],
)
def test_what_would_ruin_a_run_is_refused_in_one_line(typed: str, named: str) -> None:
    with pytest.raises(UserError) as refusal:
        compose([typed])
    assert str(refusal.value).startswith(named)
    assert "\n" not in str(refusal.value)


def test_last_checkpoints_may_be_said_to_be_ours() -> None:
    assert compose(["callbacks.best.save_last=false"]).config["callbacks"]["best"]["save_last"] is False


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "RANK", "SLURM_PROCID"])
def test_further_processes_do_not_look_for_weights(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = keep(tmp_path)
    typed = ["init_from=last", f"paths.log_dir={tmp_path}"]
    with pytest.raises(UserError, match=r"^init_from=best: .* has no such checkpoint; there are: none$"):
        compose(typed)
    monkeypatch.setenv(variable, "1")
    assert compose(typed).config["init_from"] == "last"
    monkeypatch.setenv(variable, "0")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.ckpt").touch()
    assert Path(compose(typed).config["init_from"]).resolve() == run.resolve() / "checkpoints" / "best.ckpt"
