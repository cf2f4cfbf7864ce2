"""A command that is refused leaves a run as it was, byte for byte, however late it is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
import pytest
import torch

from leyden.checkpoints import trust
from leyden.config.compose import compose
from leyden.records.record import latest_run
from leyden.system.errors import UserError
from leyden.system.locks import is_live
from leyden.training.train import run_experiment

ROOT = Path(__file__).parents[3]
QUICK = ["experiment=csv_mlp", "trainer=cpu", "callbacks.summary=null", "trainer.max_epochs=2"]
OWN = "tests.leyden.run.test_refused.Refusing"
HOOKS = ["setup", "on_fit_start", "on_sanity_check_start", "on_train_start"]


class Refusing(pl.Callback):
    """Raises an error of the user's in a hook."""

    hook: ClassVar[str | None] = None

    def __getattribute__(self, name: str) -> Any:
        if name == Refusing.hook:
            return self.refuse
        return super().__getattribute__(name)

    def refuse(self, *_: Any, **__: Any) -> None:
        raise UserError(f"callbacks.mine: refused in {Refusing.hook}; leave it out")


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """This package is the user's own."""
    monkeypatch.setattr(trust, "TRUSTED", (*trust.TRUSTED, "tests"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a table of its own, with a callback that so far refuses nothing."""
    folder = tmp_path_factory.mktemp("finished")
    table = shutil.copy(ROOT / "data" / "csv" / "cars.csv", folder / "cars.csv")
    typed = [f"data.path={table}", f"paths.log_dir={folder / 'logs'}", f"+callbacks.mine._target_={OWN}"]
    experiment = compose([*QUICK, *typed])
    run_experiment(experiment)
    return experiment.run_dir


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def without_a_row(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = run.parents[2] / "cars.csv"
    lines = table.read_text().splitlines(keepends=True)
    monkeypatch.setattr(Refusing, "hook", None)
    table.write_text("".join(lines[:-20]))


def in_hook(name: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    return lambda run, monkeypatch: monkeypatch.setattr(Refusing, "hook", name)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            without_a_row,
            r"^resume=.*: items of the run are missing from its data, or have changed: \d+ of \d+ train",
            id="a row is gone",
        ),
        *(pytest.param(in_hook(name), f"refused in {name}", id=name) for name in HOOKS if "sanity" not in name),
    ],
)
def test_a_run_that_cannot_be_resumed_stays_as_it_was(
    change: Callable[[Path, pytest.MonkeyPatch], None], message: str, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (finished.parents[2] / "cars.csv").read_bytes()
    before = content(finished.parents[1])
    record = json.loads(before[str(finished.relative_to(finished.parents[1]) / "run.json")])
    assert (record["status"], record["epochs"]) == ("finished", 2)
    assert {"test/rmse", "best/val/rmse"} <= record["metrics"].keys()
    try:
        change(finished, monkeypatch)
        with pytest.raises(UserError, match=message):
            run_experiment(compose([f"resume={finished}", "trainer.max_epochs=9"]))
    finally:
        (finished.parents[2] / "cars.csv").write_bytes(table)
    assert content(finished.parents[1]) == before
    assert not is_live(finished)


@pytest.mark.sample(2)
@pytest.mark.parametrize("hook", HOOKS)
def test_a_new_run_that_is_refused_leaves_nothing(hook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Refusing, "hook", hook)
    typed = [f"paths.log_dir={tmp_path / 'logs'}", f"+callbacks.mine._target_={OWN}"]
    with pytest.raises(UserError, match=f"refused in {hook}"):
        run_experiment(compose([*QUICK, *typed]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "logs" / "last").exists()


def test_an_error_once_training_has_begun_keeps_what_was_measured(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    monkeypatch.setattr(Refusing, "hook", "on_train_epoch_end")
    with pytest.raises(UserError, match="refused in on_train_epoch_end"):
        run_experiment(compose([f"resume={run}", "trainer.max_epochs=9"]))
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["epochs"]) == ("failed", 2)
    assert {"train/loss", "val/rmse", "best/val/rmse"} <= record["metrics"].keys()
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["progress"]["epoch"] == 2


def test_a_run_is_resumed_by_the_file_that_names_the_newest(finished: Path, tmp_path: Path) -> None:
    logs = Path(shutil.copytree(finished.parents[1], tmp_path / "logs", symlinks=True))
    run_experiment(compose([f"resume={logs / 'last'}", "trainer.max_epochs=3", f"paths.log_dir={logs}"]))
    run = latest_run(logs)
    assert run
    assert run.is_dir()
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["epochs"]) == ("finished", 3)
