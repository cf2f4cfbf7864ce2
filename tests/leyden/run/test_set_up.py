"""A run that goes on stays as it was until all is built, and is let go if that fails."""

import json
import logging
import shutil
import signal
from pathlib import Path

import pytest
import torch

from leyden.config.compose import compose
from leyden.config.experiment import Experiment
from leyden.records.record import latest_run
from leyden.run.directory import Run
from leyden.system.errors import UserError
from leyden.system.locks import is_live
from leyden.training.train import run_experiment
from tests.leyden.helpers.kept_runs import keep
from tests.leyden.helpers.opened_runs import again, interrupt


@pytest.fixture
def trained(tmp_path: Path, mnist_root: Path) -> Path:
    """A run that is said to have had three epochs."""
    typed = ["data=cars", "model=mlp", "trainer=cpu", f"paths.data_dir={mnist_root}", "trainer.max_epochs=3"]
    run = keep(tmp_path / "logs", *typed, val__loss=0.5)
    (run / "metrics.csv").write_bytes(b"loss,step\r\n0.5,4\r\n0.25,5\r\n")
    (run / "checkpoints").mkdir()
    progress = {"logged": 5, "epoch": 3, "best": ["best.ckpt", 4]}
    for name, step in (("last", 5), ("best", 6), ("best.previous", 4)):
        content = {"state_dict": {}, "progress": progress, "global_step": step}
        torch.save(content, run / "checkpoints" / f"{name}.ckpt")
    return run


def files(run: Path) -> dict[Path, bytes]:
    found = [path for path in run.rglob("*") if path.is_file() and path.name not in ("train.log", ".lock")]
    return {path: path.read_bytes() for path in found}


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("trainer.strategy=nonsense", "^trainer: .*nonsense"),
        ("trainer.max_epochs=2", "^trainer.max_epochs=2: the run has had 3 epochs already"),
        ("callbacks.last.every_n_steps=0", "^callbacks.last.every_n_steps=0: "),
        ("data.path=gone.csv", "gone.csv"),
    ],
)
def test_what_cannot_be_built_changes_no_byte_and_holds_no_lock(typed: str, named: str, trained: Path) -> None:
    experiment, before = compose([f"resume={trained}", typed]), files(trained)
    with pytest.raises(UserError, match=named):
        run_experiment(experiment)
    assert files(trained) == before
    assert json.loads(before[trained / "run.json"])["status"] == "finished"
    assert not is_live(trained)


def test_best_weights_of_later_steps_go_when_an_older_run_begins(trained: Path) -> None:
    best, older = (trained / "checkpoints" / f"{name}.ckpt" for name in ("best", "best.previous"))
    whole = older.read_bytes()
    with Run(compose([f"resume={trained}", "trainer.max_epochs=4"])) as run:
        run.checkpoint_to_resume()
        assert best.read_bytes() != whole
        run.begin()
        assert best.read_bytes() == whole


def test_a_checkpoint_that_names_weights_elsewhere_moves_none(trained: Path, tmp_path: Path) -> None:
    last, other = trained / "checkpoints" / "last.ckpt", tmp_path / "other"
    other.mkdir()
    for name in ("best", "best.previous"):
        shutil.copy(trained / "checkpoints" / f"{name}.ckpt", other)
    content = torch.load(last, weights_only=True)
    torch.save(content | {"progress": content["progress"] | {"best": [str(other / "best.ckpt"), 4]}}, last)
    before = files(other)
    with Run(compose([f"resume={trained}", "trainer.max_epochs=4"])) as run:
        run.checkpoint_to_resume()
        run.begin()
    assert files(other) == before


def broken(*_: object) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("resumes", [False, True])
@pytest.mark.parametrize("what", ["new_record", "LogFile", "write_text"])
def test_whoever_fails_to_enter_lets_go_of_all(
    what: str, resumes: bool, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, loggers = [signal.getsignal(number) for number in (2, 15)], list(logging.getLogger().handlers)
    if resumes:
        experiment = again(interrupt(experiment).experiment)
    run = Run(experiment)
    assert is_live(run.dir)
    monkeypatch.setattr(f"leyden.run.directory.{what}", broken)
    with pytest.raises(OSError, match="Input/output error"), run:
        run.begin()
    assert not is_live(run.dir)
    assert logging.getLogger().handlers == loggers
    assert [signal.getsignal(number) for number in (2, 15)] == handlers


@pytest.mark.parametrize("below", [True, False])
def test_the_newest_run_is_one_of_the_folder_that_is_asked(below: bool, experiment: Experiment, tmp_path: Path) -> None:
    first = interrupt(experiment)
    logs = tmp_path if below else tmp_path / "logs"
    (logs / "last").unlink(missing_ok=True)
    paths = {"log_dir": str(logs), "run_dir": str(first.dir)}
    with Run(again(experiment, paths=paths)) as run:
        run.begin()
    assert (logs / "last").exists() == below
    assert logs.exists() == below


def test_a_run_that_was_moved_away_is_not_the_newest_where_it_was(experiment: Experiment, tmp_path: Path) -> None:
    away = shutil.move(interrupt(experiment).dir, tmp_path.parent / f"{tmp_path.name}_away")
    with Run(again(experiment, paths={"log_dir": str(tmp_path), "run_dir": str(away)})) as run:
        run.begin()
    assert latest_run(tmp_path) != Path(away).resolve()
