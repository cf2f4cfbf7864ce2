"""Which checkpoint is the best, what it is called, and where it is found again."""

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from leyden.callbacks.best import BestCheckpoint, best_so_far
from leyden.callbacks.last import LastCheckpoint
from leyden.config.compose import compose, compose_run
from leyden.records.record import checkpoint_of
from leyden.run.history import restore_previous_checkpoint
from leyden.system.errors import UserError
from leyden.training.evaluate import evaluate_run
from leyden.training.train import run_experiment
from myproject.tasks.classification import Classification
from tests.helpers.made_images import MadeImages
from tests.helpers.trainers import made_trainer
from tests.leyden.callbacks.test_last import Saved
from tests.leyden.tasks.test_task import made_task

QUICK = ["experiment=csv_linear", "trainer=cpu", "callbacks.summary=null", "logger=none", "trainer.max_epochs=4"]
NAN = float("nan")


class Scripted(Classification):
    """Has the validation metrics that it is told: accuracy and loss of each epoch."""

    values: tuple[tuple[float, float | None], ...] = ()

    def on_validation_epoch_end(self) -> None:
        accuracy, loss = self.values[self.current_epoch]
        self.log("val/acc", accuracy)
        if loss is not None:
            self.log("val/loss", loss)


def kept(folder: Path, *values: tuple[float, float | None], ckpt: Path | None = None, **settings: Any) -> list[int]:
    """Epochs of the checkpoints that are kept, the best first; counted from 0."""
    task = made_task()
    task.__class__, Scripted.values = Scripted, values
    arguments: dict[str, Any] = {"monitor": "val/acc", "mode": "max", "filename": "{epoch}", **settings}
    best = BestCheckpoint(str(folder), **arguments)
    trainer = made_trainer(
        folder,
        callbacks=[LastCheckpoint(str(folder)), best],
        plugins=[Saved()],
        max_epochs=len(values),
        enable_checkpointing=True,
        num_sanity_val_steps=0,
    )
    trainer.fit(task, datamodule=MadeImages("", batch_size=8, val_size=10), ckpt_path=ckpt, weights_only=True)
    files = sorted(best.best_k_models, key=best._rank)
    assert files[0] == best.best_model_path
    assert all(Path(path).is_file() for path in files)
    assert best_so_far(trainer) == (float(best.best_k_models[files[0]]), best.losses.get(files[0]))
    found = [int(torch.load(path, weights_only=True)["epoch"]) for path in files]
    assert [int(Path(path).stem.partition("=")[2]) for path in files] == found
    return found


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([(0.5, 3.0), (0.9, 2.0), (0.9, 1.0), (0.9, 1.5)], 2),
        ([(0.9, 1.0), (0.9, 1.0), (0.8, 0.5)], 0),
        ([(0.9, 1.0), (1.0, 9.0)], 1),
        ([(0.9, NAN), (0.9, 2.0), (0.9, NAN)], 1),
        ([(NAN, 1.0), (0.5, 2.0)], 1),
        ([(0.9, None), (0.9, None)], 0),
    ],
)
def test_the_lowest_loss_decides_between_equals(
    values: list[tuple[float, float | None]], best: int, tmp_path: Path
) -> None:
    assert kept(tmp_path / "one", *values) == [best]
    assert kept(tmp_path / "all", *values, save_top_k=-1)[0] == best


def test_the_best_few_are_ranked_by_loss_too(tmp_path: Path) -> None:
    values = [(0.9, 5.0), (0.9, 4.0), (0.9, 3.0), (0.5, 0.1), (0.9, 3.5)]
    assert kept(tmp_path, *values, save_top_k=2) == [2, 4]


def test_a_loss_that_is_monitored_is_best_where_it_is_lowest(tmp_path: Path) -> None:
    assert kept(tmp_path, (0.9, 3.0), (0.1, 1.0), (0.9, 2.0), monitor="val/loss", mode="min") == [1]


def test_a_run_that_is_resumed_knows_the_loss_of_the_best(tmp_path: Path) -> None:
    values = [(0.9, 2.0), (0.9, 1.0), (0.9, 1.5), (0.9, 0.5)]
    kept(tmp_path, *values[:2])
    assert kept(tmp_path, *values[:3], ckpt=tmp_path / "last.ckpt") == [1]
    assert kept(tmp_path, *values, ckpt=tmp_path / "last.ckpt") == [3]


def test_a_checkpoint_that_was_replaced_comes_back_where_a_run_resumes_before_that(tmp_path: Path) -> None:
    kept(tmp_path, (0.5, 3.0), (0.9, 2.0), (0.95, 1.0))
    names = {path.name for path in tmp_path.glob("epoch*.ckpt")}
    assert names == {"epoch=2.ckpt", "epoch=1.previous.ckpt"}, "the last that was replaced is kept"
    restore_previous_checkpoint(tmp_path / "epoch=1.ckpt", step=8)
    assert torch.load(tmp_path / "epoch=1.ckpt", weights_only=True)["epoch"] == 1


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "files"),
    [
        (["callbacks.best.filename='{epoch}-{val/rmse:.2f}'"], ["epoch=N-val_rmse=X.ckpt"]),
        (["callbacks.best.filename='{epoch}'", "callbacks.best.save_top_k=-1"], [f"epoch={n}.ckpt" for n in range(4)]),
        (["callbacks.best.filename='mine/{epoch}'"], ["mine/epoch=N.ckpt"]),
        (["callbacks.best._target_=lightning.pytorch.callbacks.ModelCheckpoint"], ["best.ckpt"]),
        (
            [
                "callbacks.best._target_=lightning.pytorch.callbacks.ModelCheckpoint",
                "callbacks.best.filename='{epoch}-{val/rmse:.2f}'",
            ],
            ["epoch=N-val/rmse=X.ckpt"],
        ),
    ],
)
def test_best_is_what_the_callback_holds_to_be_the_best(typed: list[str], files: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_experiment(compose([*QUICK, *typed, f"paths.run_dir={run}"]))
    folder, record = run / "checkpoints", json.loads((run / "run.json").read_text())
    others = [str(p.relative_to(folder)) for p in folder.rglob("*.ckpt") if "last" not in p.name]
    others = sorted(name for name in others if "previous" not in name)
    assert len(others) == len(files)
    best = checkpoint_of(run, "best")
    assert str(best.relative_to(folder)) == record["best_checkpoint"]
    assert record["best_checkpoint"] in others
    if len(files) == 1:
        beginning, _, end = files[0].partition("N")
        assert others[0].startswith(beginning)
        assert others[0].endswith(end.partition("X")[2])
    validated = evaluate_run(*compose_run([f"run={run}", "split=val"]))
    assert validated["val/rmse"] == record["metrics"]["best/val/rmse"]
    tested = {name: value for name, value in record["metrics"].items() if name.startswith("test/")}
    assert evaluate_run(*compose_run([f"run={run}"])) == tested
    assert evaluate_run(*compose_run([f"run={run}", f"ckpt={others[0]}"])).keys() == tested.keys()
    moved = run.rename(tmp_path / "moved")
    assert checkpoint_of(moved, "best") == moved / "checkpoints" / record["best_checkpoint"]


def test_a_best_checkpoint_that_was_replaced_since_the_record_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (tmp_path / "run.json").write_text(json.dumps({"status": "running", "best_checkpoint": "epoch=3.ckpt"}))
    for name in ("last", "epoch=5", "epoch=3.previous"):
        (folder / f"{name}.ckpt").touch()
    assert checkpoint_of(tmp_path, "best") == folder / "epoch=3.ckpt"
    (folder / "epoch=3.previous.ckpt").unlink()
    assert checkpoint_of(tmp_path, "best") == folder / "epoch=5.ckpt"
    (folder / "epoch=6.ckpt").touch()
    with pytest.raises(UserError, match=r"ckpt=best: .*; there are: epoch=5, epoch=6, last$"):
        checkpoint_of(tmp_path, "best")


@pytest.mark.parametrize("filename", ["best", "{val/loss:.0f}"])
def test_checkpoints_among_the_best_do_not_overwrite_one_another(filename: str, tmp_path: Path) -> None:
    values = [(0.9, 1.1), (0.8, 1.2), (0.7, 1.3), (0.6, 1.4)]
    task = made_task()
    task.__class__, Scripted.values = Scripted, tuple(values)
    best = BestCheckpoint(str(tmp_path), filename, "val/acc", mode="max", save_top_k=3, enable_version_counter=False)
    trainer = made_trainer(tmp_path, callbacks=[best], max_epochs=4, enable_checkpointing=True, num_sanity_val_steps=0)
    trainer.fit(task, datamodule=MadeImages("", batch_size=8, val_size=10))
    ranked = sorted(best.best_k_models, key=best._rank)
    assert [torch.load(path, weights_only=True)["epoch"] for path in ranked] == [0, 1, 2]
    assert best.best_model_path == ranked[0]


def test_a_file_name_of_what_is_not_measured_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    typed = ["callbacks.best.filename='{epoch}-{val/rmsee:.2f}'", f"paths.run_dir={tmp_path / 'run'}"]
    with pytest.raises(UserError) as refusal:
        run_experiment(compose([*QUICK, *typed]))
    assert str(refusal.value) == (
        "callbacks.best.filename={epoch}-{val/rmsee:.2f}: val/rmsee is not measured; did you mean val/rmse?"
    )
    assert not (tmp_path / "run").exists()


def test_a_run_that_keeps_no_best_weights_is_evaluated_with_its_last(tmp_path: Path) -> None:
    run = tmp_path / "run"
    typed = ["callbacks=every_n_epochs", "callbacks.every_n_epochs.every_n_epochs=2", "callbacks.best=null"]
    run_experiment(compose([*QUICK, *typed, f"paths.run_dir={run}"]))
    assert checkpoint_of(run, "best") == run / "checkpoints" / "last.ckpt"


def test_weights_that_are_no_numbers_are_not_said_to_be_exchanged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    typed = ["optimizer=sgd", "optimizer.lr=1e30", "scheduler=none", f"paths.run_dir={tmp_path / 'run'}"]
    run_experiment(compose([*QUICK, *typed]))
    assert any("the loss is" in message for message in caplog.messages)
    assert not any("other weights" in message or "changed the weights" in message for message in caplog.messages)


def test_a_checkpoint_of_every_few_epochs_is_kept(tmp_path: Path) -> None:
    run = tmp_path / "run"
    typed = ["callbacks=every_n_epochs", "callbacks.every_n_epochs.every_n_epochs=2", f"paths.run_dir={run}"]
    run_experiment(compose([*QUICK, *typed]))
    names = {path.stem for path in (run / "checkpoints").glob("*.ckpt") if ".previous" not in path.name}
    assert names == {"best", "last", "epoch_001", "epoch_003"}
    assert checkpoint_of(run, "best").name == "best.ckpt"
    assert evaluate_run(*compose_run([f"run={run}", "ckpt=epoch_001"]))


def test_lightning_ranks_checkpoints_by_the_names_that_are_overridden() -> None:
    for name in ("_save_checkpoint", "_remove_checkpoint", "_format_checkpoint_name", "check_monitor_top_k"):
        assert callable(getattr(pl.callbacks.ModelCheckpoint, name)), name
