"""What Lightning or torch would refuse in the middle is refused before a run directory is made, with a remedy."""

import csv
import re
import shlex
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from leyden.config.compose import compose
from leyden.system.errors import UserError
from leyden.training.build import build_data, build_task
from leyden.training.feasibility import _Split, check_feasible, trial_trainer
from leyden.training.train import run_experiment

TABLE = ["experiment=csv_mlp", "trainer=cpu", "callbacks.summary=null"]  # 286 rows in 9 batches; 32 to validate

REFUSED = {
    "trainer.limit_val_batches=0.1": "trainer.limit_val_batches=0.1: is less than one batch, as there is 1",
    "trainer.limit_train_batches=0.1": "trainer.limit_train_batches=0.1: is less than one batch, as there are 9",
    "trainer.limit_test_batches=0.1": "trainer.limit_test_batches=0.1: is less than one batch, as there is 1",
    "trainer.overfit_batches=0.5": "trainer.overfit_batches=0.5: is less than one batch, as there is 1",
    "data.batch_size=1 model.batch_norm=true": "data.batch_size=1: has a batch of one item, on which BatchNorm cannot",
    "data.train_size=1 model.batch_norm=true": "data.train_size=1: is one item to train on, on which BatchNorm cannot",
    "data.batch_size=15 trainer.overfit_batches=1.0 model.batch_norm=true": "data.batch_size=15: has a batch of one",
    "trainer.max_steps=4": "monitor=val/rmse: the run ends after 4 batches, and the first validation is after 9;",
    "trainer.max_steps=4 trainer.accumulate_grad_batches=2": "monitor=val/rmse: the run ends after 8 batches",
    "trainer.max_epochs=1 trainer.val_check_interval=20 trainer.check_val_every_n_epoch=null": (
        "monitor=val/rmse: the run ends after 9 batches, and the first validation is after 20;"
    ),
    "trainer.val_check_interval=20": "trainer.val_check_interval=20: an epoch has 9 batches; give at most as many",
    "scheduler=plateau scheduler.monitor=val/los": "scheduler.monitor=val/los: is not measured; did you",
    "callbacks=early_stopping callbacks.early_stopping.monitor=val/foo": "callbacks.early_stopping.monitor=val/foo: is",
    "callbacks.best.monitor=val/foo": "callbacks.best.monitor=val/foo: is not measured",
    "scheduler=cosine_restarts scheduler.T_0=0": "scheduler: Expected positive integer T_0",
    "scheduler=cosine trainer.max_epochs=-1": "scheduler: needs the length of the run",
    "trainer.strategy=fsdp": "trainer: .*fsdp",
    "trainer.strategy=deepspeed": "trainer: .*[Dd]eep[Ss]peed",
    "trainer.strategy=nothing": "trainer: .*invalid strategy",
    "trainer.val_check_interval=0.5 trainer.check_val_every_n_epoch=null": "trainer: .*val_check_interval",
}


@pytest.fixture
def table(tmp_path: Path, mnist_root: Path) -> list[str]:
    return [*TABLE, f"paths.data_dir={mnist_root}", f"paths.log_dir={tmp_path / 'logs'}", "trainer.max_epochs=2"]


def checked(overrides: list[str]) -> None:
    experiment = compose(overrides)
    datamodule = build_data(experiment.config)
    check_feasible(experiment, build_task(experiment.config, datamodule.spec), datamodule)
    assert datamodule.trainer is None


@pytest.mark.sample(3)
@pytest.mark.parametrize("typed", REFUSED)
def test_a_run_that_cannot_be_is_refused_before_its_directory_is_made(
    typed: str, table: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"^{REFUSED[typed]}") as refused:
        run_experiment(compose([*table, *shlex.split(typed)]))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "logs").exists()
    if remedy := re.search(r"; (?:give|add) ((?:(?!null )[\w.]+=[\w./]+ ?)+)", str(refused.value)):
        checked([*table, *shlex.split(typed), *shlex.split(remedy[1])])


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "typed",
    [
        "data.batch_size=1",  # without BatchNorm
        "data.batch_size=15 model.batch_norm=true",  # the last batch of one waits for another epoch
        "trainer.limit_val_batches=1",
        "trainer.max_steps=9",
        "trainer.max_steps=4 trainer.val_check_interval=4",
        "trainer.max_steps=4 monitor=train/loss mode=min",
        "trainer.overfit_batches=1",
        "trainer.val_check_interval='\"00:00:00:01\"'",
        "trainer.fast_dev_run=true trainer.limit_val_batches=0.1 trainer.max_steps=4",
        "trainer.max_epochs=-1 trainer.max_steps=20 trainer.check_val_every_n_epoch=2",
    ],
)
def test_a_run_that_can_be_is_not_refused(typed: str, table: list[str]) -> None:
    checked([*table, *shlex.split(typed)])


@pytest.mark.parametrize(("size", "refused"), [("data.size=16", True), ("data.size=32", False)])
def test_batch_norm_of_maps_with_a_single_place_needs_two_images(
    size: str, refused: bool, tmp_path: Path, data_root: Path
) -> None:
    """Of a VGG's last stage: 2×2 places in an image of 16, and 1×1 after it is halved once more."""
    layers = "model.layers=[8,M,8,M,8,M,8,M,8]"
    images = ["data=image_folder", f"data.root={data_root}/pictures", size, "data.batch_size=1", "model=vgg", layers]
    overrides = [*images, "model.hidden_sizes=[]", "trainer=cpu", f"paths.log_dir={tmp_path / 'logs'}"]
    if refused:
        with pytest.raises(UserError, match=r"data.batch_size=1: has a batch of one item"):
            checked(overrides)
    else:
        checked(overrides)


@pytest.mark.sample(2)
@pytest.mark.parametrize(("rows", "size", "smallest"), [(9, 4, 1), (8, 4, 4), (3, 1, 1), (3, 8, 3)])
def test_the_smallest_batch_of_a_loader_of_torchs(rows: int, size: int, smallest: int, table: list[str]) -> None:
    loader = DataLoader(TensorDataset(torch.zeros(rows, 2)), batch_size=size)
    split = _Split("train", loader, trial_trainer(compose(table).config))
    assert split.smallest == smallest
    dropping = DataLoader(TensorDataset(torch.zeros(9, 2)), batch_size=4, drop_last=True)
    assert _Split("train", dropping, trial_trainer(compose(table).config)).smallest == 4


def test_each_process_needs_two_items(table: list[str], tmp_path: Path) -> None:
    two = ["trainer=ddp_cpu", "model.batch_norm=true", "data.train_size=2"]
    with pytest.raises(UserError, match=r"data.train_size=2: is one item to train on in each process.*train_size=4"):
        checked([*table, *two])
    checked([*table, *two, "data.train_size=4"])


def rates(run_dir: Path) -> list[float]:
    """The learning rate of each epoch's first step."""
    with (run_dir / "metrics.csv").open() as file:
        steps = {int(row["step"]): float(row["lr-AdamW/pg1"]) for row in csv.DictReader(file) if row["lr-AdamW/pg1"]}
    return [steps[step] for step in range(0, len(steps), 9)]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("typed", "moves"),
    [
        (
            "trainer.check_val_every_n_epoch=3",
            [5],
        ),  # after the second validation, which is no better, in the sixth epoch
        ("trainer.val_check_interval=27 trainer.check_val_every_n_epoch=null", [5]),
        ("trainer.val_check_interval=0.5", [1, 2, 3, 4, 5, 6]),
        ("scheduler.monitor=train/loss trainer.check_val_every_n_epoch=3", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_plateau_moves_after_epochs_in_which_its_metric_was_measured(
    typed: str, moves: list[int], table: list[str], tmp_path: Path
) -> None:
    """No metric is ever better than the first by as much as 10."""
    plateau = ["scheduler=plateau", "scheduler.patience=0", "scheduler.factor=0.5", "scheduler.threshold_mode=abs"]
    settings = [*plateau, "scheduler.threshold=10", "trainer.log_every_n_steps=1", "trainer.max_epochs=8", "logger=csv"]
    experiment = compose([*table, *settings, *shlex.split(typed)])
    run_experiment(experiment)
    found = rates(experiment.run_dir)
    assert [epoch for epoch in range(7) if found[epoch + 1] < found[epoch]] == moves


def test_the_best_weights_by_a_metric_of_training_are_those_of_its_epoch(table: list[str]) -> None:
    """Lightning would look at it after the validation, when that of the epoch before was the last."""
    rare = ["monitor=train/loss", "mode=min", "trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3", "logger=csv"]
    experiment = compose([*table, *rare, "callbacks=early_stopping"])
    run_experiment(experiment)
    with (experiment.run_dir / "metrics.csv").open() as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]
    best = torch.load(experiment.run_dir / "checkpoints/best.ckpt", weights_only=True)
    assert best["epoch"] == losses.index(min(losses)) == 2
