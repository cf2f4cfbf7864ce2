"""What eval.py says of weights, splits and directories that are not as the run had them."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.callbacks.progress import Progress
from leyden.callbacks.randomness import Randomness
from leyden.config.compose import compose, compose_run
from leyden.records.record import checkpoint_of
from leyden.system.errors import UserError
from leyden.training.evaluate import evaluate_run, evaluation_trainer
from leyden.training.train import run_experiment


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Path:
    """A run on a table, not to be written into."""
    folder = tmp_path_factory.mktemp("evaluated")
    typed = ["data=cars", "model=mlp", "trainer=cpu", "trainer.max_epochs=2", "callbacks.summary=null", "logger=none"]
    experiment = compose([*typed, f"paths.data_dir={mnist_root}", f"paths.log_dir={folder}"])
    run_experiment(experiment)
    return experiment.run_dir


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """The same, to be written into."""
    copy = Path(shutil.copytree(trained, tmp_path / "run"))
    (copy / "run.json").write_text(json.dumps(record(copy) | {"evaluations": []}))
    return copy


def measured(run: Path, *typed: str) -> dict[str, float]:
    return evaluate_run(*compose_run([f"run={run}", *typed]))


def record(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "run.json").read_text())
    return content


def compared(metrics: dict[str, float], shown: str) -> bool:
    """Whether a table has what was measured in training too, which then is the same."""
    rows = [line.split() for line in shown.splitlines() if line.split() and line.split()[0] in metrics]
    assert len(rows) == len(metrics)
    both = [values for _, *values in rows if len(values) == 2]
    assert all(now == then for now, then in both)
    return bool(both)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "is_compared"),
    [
        ("", True),
        ("split=val", True),
        ("split=val ckpt=last", True),
        ("ckpt=best.ckpt", True),
        ("ckpt=last", False),
        ("split=train", False),
        ("split=val data.split_seed=7", False),
        ("split=val data.val_size=0.3", False),
    ],
)
def test_a_result_is_compared_with_what_the_run_measured_of_the_same(
    typed: str, is_compared: bool, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(measured(trained, *typed.split()), capsys.readouterr().out) == is_compared


def test_weights_of_another_run_are_told_by_their_path_and_compared_with_nothing(
    trained: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = trained / "checkpoints" / "best.ckpt"
    for split in ("test", "val"):
        assert not compared(measured(run, f"ckpt={best}", f"split={split}"), capsys.readouterr().out)
    assert [entry["checkpoint"] for entry in record(run)["evaluations"]] == [str(best)] * 2


@pytest.mark.parametrize(("typed", "told"), [("data.split_seed=7", True), ("data.eval_batch_size=7", False)])
def test_who_divides_the_data_anew_is_warned(
    typed: str, told: bool, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        measured(run, "split=val", typed)
    assert ("items have inputs that the network was trained on" in caplog.text) == told


def test_nothing_is_built_that_writes(run: Path, tmp_path: Path) -> None:
    config, elsewhere = yaml.safe_load((run / "config.yaml").read_text()), str(tmp_path / "elsewhere")
    profiler = {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "dirpath": elsewhere, "filename": "times"}
    logger = {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": elsewhere}
    saver = {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": elsewhere}
    config["trainer"] |= {"profiler": profiler, "plugins": [{"_target_": "gone.Plugin"}], "logger": True}
    config |= {
        "logger": {"csv": logger},
        "callbacks": config["callbacks"] | {"saver": saver, "x": {"_target_": "gone.X"}},
    }
    trainer = evaluation_trainer(config)
    kinds = {type(callback) for callback in trainer.callbacks}  # type: ignore[attr-defined]
    assert kinds == {Randomness, Progress}
    assert trainer.checkpoint_callbacks == []
    assert trainer.loggers == []
    del config["trainer"]["plugins"], config["callbacks"]["x"], config["trainer"]["logger"]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    before = {path for path in run.rglob("*") if path.name != ".lock"}
    assert measured(run) == {name: record(run)["metrics"][name] for name in measured(run)}
    assert not Path(elsewhere).exists()
    assert {path for path in run.rglob("*") if path.name != ".lock"} == before


def test_a_run_that_cannot_be_locked_is_measured_all_the_same(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    (run / ".lock").unlink(missing_ok=True)
    (run / ".lock").mkdir()
    before = record(run)
    with caplog.at_level(logging.WARNING):
        metrics = measured(run)
    assert metrics == {name: before["metrics"][name] for name in metrics}
    assert "the result is not kept in the run's record" in caplog.text
    assert record(run) == before


def test_the_best_weights_are_the_last_only_where_there_are_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("last", "last.previous"):
        (folder / f"{name}.ckpt").touch()
        assert checkpoint_of(tmp_path, "best") == folder / "last.ckpt"
    (folder / "epoch=3.ckpt").touch()
    with pytest.raises(UserError, match=r"^ckpt=best: .* has no such checkpoint; there are: epoch=3, last$"):
        checkpoint_of(tmp_path, "best")
    assert checkpoint_of(tmp_path, "epoch=3.ckpt") == folder / "epoch=3.ckpt"
    assert checkpoint_of(tmp_path, "last") == folder / "last.ckpt"


@pytest.mark.parametrize("devices", [2, "auto"])
def test_a_run_of_several_processes_is_evaluated_in_one(devices: int | str, run: Path) -> None:
    before = measured(run)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["trainer"] |= {"devices": devices, "strategy": "ddp"}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert measured(run) == before
