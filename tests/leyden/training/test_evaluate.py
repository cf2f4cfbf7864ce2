"""What is measured of a run again is what it measured."""

import csv
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from leyden.config.compose import compose, compose_run
from leyden.data.folder import ImageFolder
from leyden.records.record import lock
from leyden.system.errors import UserError
from leyden.training.evaluate import evaluate_run
from leyden.training.loaded_run import load_run
from leyden.training.train import run_experiment
from tests.helpers.image_files import write_folders

RUNS = {
    # a learning rate that grows a thousandfold after the first epoch ruins the last weights
    "mnist": [
        "model=cnn",
        "data.augment.crop_padding=4",
        "scheduler=step",
        "scheduler.step_size=1",
        "scheduler.gamma=1000",
    ],
    "table": ["data=cars", "model=mlp", "data.batch_size=32", "task.loss=huber"],
    "pictures": ["data=image_folder", "data.root=PICTURES", "data.size=10", "model=cnn", "data.num_workers=0"],
    "autoencoder": ["experiment=mnist_autoencoder"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> dict[str, Path]:
    """Trained ones, not to be written into."""
    folder = tmp_path_factory.mktemp("evaluated")
    pictures = write_folders(folder / "pictures", train=8, val=4, test=6)
    quick = [f"paths.data_dir={mnist_root}", f"paths.log_dir={folder}/logs", "callbacks.summary=null", "logger=csv"]
    quick += ["trainer.accelerator=cpu", "trainer.max_epochs=2", "trainer.limit_test_batches=2"]
    made = {}
    for name, typed in RUNS.items():
        sizes = ["data.train_size=256", "data.val_size=256"] if name in ("mnist", "autoencoder") else []
        experiment = compose([*quick, *sizes, *(word.replace("PICTURES", str(pictures)) for word in typed)])
        run_experiment(experiment)
        made[name] = experiment.run_dir
    return made


@pytest.fixture
def run(runs: dict[str, Path], tmp_path: Path) -> Path:
    """That of mnist, to be written into."""
    copy = Path(shutil.copytree(runs["mnist"], tmp_path / "run"))
    (copy / "run.json").write_text(json.dumps(record(copy) | {"evaluations": []}))
    return copy


def measured(run: Path, *typed: str) -> dict[str, float]:
    return evaluate_run(*compose_run([f"run={run}", *typed]))


def record(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "run.json").read_text())
    return content


def of(split: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name.startswith(f"{split}/")}


def validated(run: Path) -> list[dict[str, float]]:
    """The metrics of validation, epoch by epoch."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val/loss"]]
    return [{name: float(value) for name, value in row.items() if name.startswith("val/")} for row in rows]


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", RUNS)
def test_the_test_gives_what_it_gave_after_training_to_the_last_bit(name: str, runs: dict[str, Path]) -> None:
    metrics = measured(runs[name])
    assert metrics == of("test", record(runs[name])["metrics"])
    assert len(metrics) >= 3


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", RUNS)
def test_validation_gives_what_it_gave_in_the_epoch_of_the_weights(name: str, runs: dict[str, Path]) -> None:
    run, monitor = runs[name], record(runs[name])["monitor"]
    best, last = measured(run, "split=val"), measured(run, "split=val", "ckpt=last")
    assert best[monitor] == record(run)["metrics"][f"best/{monitor}"]
    assert best in validated(run)
    assert last == of("val", record(run)["metrics"]) == validated(run)[-1]
    if name == "mnist":
        assert last["val/loss"] > best["val/loss"]


@pytest.mark.parametrize(("name", "plain"), [("mnist", "data.augment.crop_padding=0"), ("pictures", "data.cache=true")])
def test_training_items_are_measured_as_they_are(name: str, plain: str, runs: dict[str, Path]) -> None:
    everything = ["split=train", "trainer.limit_test_batches=1.0", "data.eval_batch_size=50"]
    metrics = measured(runs[name], *everything)
    assert {"train/loss", "train/acc", "train/f1"} <= metrics.keys()
    assert measured(runs[name], *everything, "seed=9") == metrics, "shuffled, or changed at random"
    assert measured(runs[name], *everything, plain) == pytest.approx(metrics, rel=1e-5)


def test_other_sizes_of_batches_change_no_more_than_last_digits(runs: dict[str, Path]) -> None:
    everything = measured(runs["table"], "trainer.limit_test_batches=1.0")
    for size in (7, 16, 80):
        typed = ["trainer.limit_test_batches=1.0", f"data.eval_batch_size={size}"]
        assert measured(runs["table"], *typed) == pytest.approx(everything, rel=1e-5)
    assert measured(runs["mnist"], "data.batch_size=512", "trainer=cpu") == measured(runs["mnist"])


def test_each_result_is_added_to_the_record(run: Path) -> None:
    before = record(run)
    first = measured(run)
    second = measured(run, "split=val", "ckpt=last", "data.eval_batch_size=128")
    entries = record(run)["evaluations"]
    assert [entry["metrics"] for entry in entries] == [first, second]
    assert [entry["split"] for entry in entries] == ["test", "val"]
    assert [entry["checkpoint"] for entry in entries] == ["best.ckpt", "last.ckpt"]
    assert [entry["overrides"] for entry in entries] == [[], ["data.eval_batch_size=128"]]
    assert record(run) | {"evaluations": []} == before


def test_nothing_else_of_the_run_is_touched(run: Path) -> None:
    def files() -> dict[Path, bytes]:
        found = [path for path in run.rglob("*") if path.is_file() and path.name not in ("run.json", ".lock")]
        return {path: path.read_bytes() for path in found}

    before = files()
    measured(run)
    measured(run, "split=train")
    assert files() == before


def test_a_run_that_is_still_training_is_measured_without_a_word_in_its_record(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with lock(run), caplog.at_level(logging.WARNING):
        assert measured(run) == of("test", record(run)["metrics"])
    assert "the result is not kept in its record" in caplog.text
    assert record(run)["evaluations"] == []


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("name", "typed", "named"),
    [
        ("mnist", "split=tset", "split=tset: must be one of test, val, train"),
        ("mnist", "ckpt=first", "has no such checkpoint; there are: best, last"),
        ("mnist", "data.classes=[1 - one,2 - two]", "data: class_names is"),
        ("pictures", "data.size=12", "data: input_shape is (3, 12, 12), and the network was trained on (3, 10, 10)"),
        ("pictures", "data.root=nowhere", "nowhere"),
        ("table", "data.target=weight", "data.target=weight: the network was trained on weight"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(name: str, typed: str, named: str, runs: dict[str, Path]) -> None:
    with pytest.raises(UserError) as refusal:
        measured(runs[name], typed)
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_other_weights_may_be_measured(runs: dict[str, Path], tmp_path: Path) -> None:
    best = shutil.copy(runs["mnist"] / "checkpoints" / "best.ckpt", tmp_path / "mine.ckpt")
    assert measured(runs["mnist"], f"ckpt={best}") == measured(runs["mnist"])


def test_other_pictures_are_seen_as_the_runs_own_were(runs: dict[str, Path], tmp_path: Path) -> None:
    other = write_folders(tmp_path / "other", train=3, val=3, test=5)
    metrics = measured(runs["pictures"], f"data.root={other}")
    run, data = load_run(runs["pictures"]), ImageFolder(str(other), size=10, num_workers=0)
    data.prepare_data()
    data.setup()
    assert data.spec.mean != run.spec.mean
    (inputs, targets), *_ = data.loader("test")
    (own_mean, own_std), (mean, std) = (
        (torch.tensor(of).view(-1, 1, 1) for of in (spec.mean, spec.std)) for spec in (data.spec, run.spec)
    )
    outputs = run.model(((inputs * own_std + own_mean) - mean) / std)
    assert metrics["test/loss"] == pytest.approx(F.cross_entropy(outputs, targets).item(), rel=1e-5)
    assert metrics["test/acc"] == pytest.approx((outputs.argmax(1) == targets).float().mean().item())
