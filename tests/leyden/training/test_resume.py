"""A run that goes on from any of its checkpoints ends as if it had never stopped, down to the last bit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.image_files import write_folders
from tests.leyden.torture.doors import ROOT, Doors
from tests.leyden.torture.runs import Runs, fall_back, table

pytestmark = pytest.mark.sample(100)  # a case of each test in the gate

DIGITS = ["data.train_size=280", "data.val_size=64", "data.eval_batch_size=64", "trainer.limit_test_batches=1"]
MLP = ["experiment=mnist_mlp", "model.hidden_sizes=[32]", "model.dropout=0.3", "data.augment.crop_padding=2", *DIGITS]
OFTEN = ["trainer.log_every_n_steps=1", "trainer.max_epochs=3", "callbacks.last.every_n_steps=2"]

SETTINGS = {
    "a schedule of steps": [*MLP, *OFTEN, "scheduler=onecycle"],
    "a plateau of epochs, stopped early": [
        *MLP,
        *OFTEN,
        "trainer.max_epochs=12",
        "data.train_size=192",
        "optimizer.lr=0.03",
        "scheduler=plateau",
        "scheduler.patience=0",
        "callbacks=early_stopping",
        "callbacks.early_stopping.patience=2",
    ],
    "a plateau of validations in some epochs": [
        *MLP,
        *OFTEN,
        "trainer.max_epochs=10",
        "data.train_size=192",
        "optimizer.lr=0.03",
        "scheduler=plateau",
        "scheduler.patience=0",
        "trainer.check_val_every_n_epoch=2",
        "callbacks=early_stopping",
    ],
    "a plateau of validations counted over epochs": [
        *MLP,
        *OFTEN,
        "trainer.max_epochs=6",
        "optimizer.lr=0.03",
        "scheduler=plateau",
        "scheduler.patience=0",
        "trainer.val_check_interval=3",
        "trainer.check_val_every_n_epoch=null",
        "callbacks=early_stopping",
    ],
    "a plateau of training, the best weights by it": [
        *MLP,
        *OFTEN,
        "scheduler=plateau",
        "scheduler.patience=0",
        "scheduler.threshold=0.5",
        "trainer.check_val_every_n_epoch=2",
        "callbacks=early_stopping",
        "monitor=train/loss",
        "mode=min",
    ],
    "gradients added up, validation within epochs": [
        *MLP,
        *OFTEN,
        "scheduler=cosine",
        "trainer.accumulate_grad_batches=2",
        "trainer.val_check_interval=0.4",
    ],
    "gradients added up in numbers that change, weighted classes": [
        *MLP,
        *OFTEN,
        "scheduler=onecycle",
        "task.class_weights=[1,9,1,1,1,0.5,1,1,1,1]",
        "+callbacks.plan._target_=lightning.pytorch.callbacks.GradientAccumulationScheduler",
        "+callbacks.plan.scheduling={0: 3, 1: 2}",
        "data.train_size=290",
        "data.batch_size=32",
    ],
    "a step of many evaluations": [*MLP, *OFTEN, "optimizer=lbfgs", "optimizer.max_iter=3", "data.batch_size=100"],
    "an end by steps": [*MLP, *OFTEN, "scheduler=warmup_cosine", "trainer.max_epochs=-1", "trainer.max_steps=12"],
    "validation every other epoch": [*MLP, *OFTEN, "trainer.check_val_every_n_epoch=2", "scheduler=step"],
    "half precision": [*MLP, *OFTEN, "trainer.precision=bf16-mixed"],
    "pictures by two workers": [
        "data=image_folder",
        "data.root=PICTURES",
        "data.size=12",
        "data.batch_size=8",
        "data.num_workers=2",
        "model=mlp",
        "model.hidden_sizes=[16]",
        "model.dropout=0.3",
        *OFTEN,
        "scheduler=onecycle",
    ],
    "a table": ["experiment=csv_mlp", *OFTEN, "callbacks.last.every_n_steps=7"],
    "a moving average of the weights": [*MLP, *OFTEN, "scheduler=cosine", "callbacks=ema", "callbacks.ema.decay=0.9"],
    "a moving average that begins late": [*MLP, *OFTEN, "callbacks=ema", "callbacks.ema.start_epoch=1"],
    "a mean of the last weights, gradients added up": [
        *MLP,
        *OFTEN,
        "trainer.max_epochs=4",
        "scheduler=onecycle",
        "trainer.accumulate_grad_batches=2",
        "callbacks=swa",
        "callbacks.swa.swa_epoch_start=2",
        "callbacks.swa.swa_lrs=0.002",
        "callbacks.swa.annealing_epochs=2",
        "task.class_weights=[1,2,3,1,1,1,1,1,1,9]",
    ],
    "the best few by names of their own": [
        *MLP,
        *OFTEN,
        "scheduler=cosine",
        "trainer.max_epochs=5",
        "callbacks.best.filename='{epoch}-{val/acc:.2f}'",
    ],
    "an autoencoder": ["experiment=mnist_autoencoder", *DIGITS, "data.batch_size=64", *OFTEN, "trainer.max_epochs=2"],
}


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with Doors() as doors:
        yield doors


@pytest.fixture(scope="module")
def runs(doors: Doors, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(doors, tmp_path_factory.mktemp("runs"), [f"paths.data_dir={ROOT / 'data'}"])


def steps_of(copies: Path) -> list[int]:
    return sorted(int(path.stem) for path in copies.iterdir())


@pytest.mark.parametrize("name", SETTINGS)
def test_a_checkpoint_of_any_kind_leads_to_the_same_end(name: str, runs: Runs, tmp_path: Path) -> None:
    short, pictures = name.replace(" ", "_").replace(",", ""), tmp_path / "pictures"
    if "data.root=PICTURES" in SETTINGS[name]:
        write_folders(pictures, train=14, val=4, test=4)
    settings = [setting.replace("PICTURES", str(pictures)) for setting in SETTINGS[name]]
    copies = tmp_path / "copies"
    copies.mkdir()
    reference = runs.train(short, *settings, keep=copies)
    steps = sorted(int(path.stem) for path in copies.iterdir())
    assert len(steps) >= 5
    assert steps[-1] == reference.steps
    wrong = {}
    for step in {steps[place] for place in (0, 2, -4, -3, -1)}:  # within epochs, between two, with only the test left
        trial = f"{short}_{step}"
        fall_back(runs, short, copies / f"{step:06d}.ckpt", trial)
        if differences := runs.resume(trial).differences(reference):
            wrong[step] = differences
    assert wrong == {}


def rates(run_dir: Path) -> dict[int, float]:
    """The learning rate of each step."""
    return {int(cells["step"]): float(cells["lr-Adam"]) for cells in map(dict, table(run_dir)) if "lr-Adam" in cells}


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "warmup_cosine", "polynomial"])
def test_epochs_on_top_follow_the_schedule_of_the_longer_run(schedule: str, runs: Runs) -> None:
    settings = [*MLP, "trainer.log_every_n_steps=1", f"scheduler={schedule}"]
    longer = runs.train(f"{schedule}_longer", *settings, "trainer.max_epochs=4")
    runs.train(f"{schedule}_more", *settings, "trainer.max_epochs=2")
    more = runs.resume(f"{schedule}_more", "trainer.max_epochs=4")
    assert (more.epochs, more.steps) == (longer.epochs, longer.steps)
    expected, found = rates(runs.dir(f"{schedule}_longer")), rates(runs.dir(f"{schedule}_more"))
    assert len(expected) == longer.steps
    assert found.keys() == expected.keys()
    assert [found[step] for step in range(10, 20)] == pytest.approx([expected[step] for step in range(10, 20)])
    assert found[5] != pytest.approx(expected[5])


def test_a_run_that_has_its_end_only_tells_its_result(runs: Runs) -> None:
    first = runs.train("finished", *MLP, "trainer.max_epochs=1")
    files = {path: path.stat().st_mtime_ns for path in runs.dir("finished").rglob("*") if path.is_file()}
    assert runs.resume("finished") == first
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert "is finished; to continue, give more, such as trainer.max_epochs=" in runs.said("finished")
