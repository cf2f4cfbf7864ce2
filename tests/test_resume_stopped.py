"""A run that is killed or interrupted loses nothing, and says how it ended."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, SIGUSR2, Signals

import pytest

from tests.picture_files import write_folders
from tests.torture.doors import ROOT, Doors
from tests.torture.runs import Kept, Runs
from tests.torture.stops import Moment, after, trial, while_writing

pytestmark = pytest.mark.slow

SIZES = ["data.val_size=64", "data.eval_batch_size=64", "trainer.limit_test_batches=1", "trainer.max_epochs=12"]
OFTEN = ["trainer.log_every_n_steps=1", "callbacks.last.every_n_steps=3", "scheduler=onecycle"]
DIGITS = [
    "experiment=mnist_mlp",
    "model.hidden_sizes=[32]",
    "model.dropout=0.3",
    "data.augment.crop_padding=2",
    "data.train_size=512",
]


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with Doors() as doors:
        yield doors


@pytest.fixture(scope="module")
def digits(doors: Doors, tmp_path_factory: pytest.TempPathFactory) -> tuple[Runs, Kept]:
    """Runs on pictures in memory, and how they end."""
    settings = [*DIGITS, *SIZES, *OFTEN, f"paths.data_dir={ROOT / 'data'}"]
    runs = Runs(doors, tmp_path_factory.mktemp("digits"), settings)
    return runs, runs.train("reference")


@pytest.fixture(scope="module")
def files(doors: Doors, tmp_path_factory: pytest.TempPathFactory) -> tuple[Runs, Kept]:
    """Runs on picture files, which two workers read."""
    root = write_folders(tmp_path_factory.mktemp("files"), train=40, val=4, test=4)
    data = ["data=image_folder", f"data.root={root}", "data.size=12", "data.batch_size=8", "data.num_workers=2"]
    sizes = [setting for setting in SIZES if not setting.startswith("data.")]
    model = ["model=mlp", "model.hidden_sizes=[16]", "model.dropout=0.3"]
    runs = Runs(doors, tmp_path_factory.mktemp("runs"), [*data, *model, *sizes, *OFTEN])
    return runs, runs.train("reference")


def in_training(epochs: int = 1) -> Moment:
    """Once so many epochs are behind, and a little later."""
    later: Moment | None = None

    def has_come(run_dir: Path) -> bool:
        nonlocal later
        record = run_dir / "run.json"
        if later is None and record.exists() and json.loads(record.read_text())["epochs"] >= epochs:
            later = after(0.02)
        return later is not None and later(run_dir)

    return has_come


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_was_killed_at_any_moment_ends_like_one_that_was_not(seed: int, digits: tuple[Runs, Kept]) -> None:
    runs, reference = digits
    moment = [in_training(), while_writing(9, 0.002), after(random.Random(seed).uniform(0.3, 1.2))][seed]
    found = trial(runs, f"killed {seed}", SIGKILL, moment, reference)
    assert found
    assert found.status == 137
    assert found.wrong == []


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGUSR2])
def test_an_interrupted_run_ends_in_order_and_loses_no_step(number: Signals, digits: tuple[Runs, Kept]) -> None:
    runs, reference = digits
    name = f"stopped_by_{number.name}"
    found = trial(runs, name, number, in_training(2), reference)
    assert found
    assert (found.status, found.record, found.wrong) == (128 + number, "interrupted", [])
    assert f"{number.name}: stops after this step, with a checkpoint" in runs.said(name)
    assert f"interrupted by {number.name}; go on with: python train.py resume={runs.dir(name)}" in runs.said(name)


@pytest.mark.parametrize(("number", "group"), [(SIGTERM, True), (SIGINT, True), (SIGUSR2, True), (SIGKILL, False)])
def test_workers_neither_ruin_the_end_nor_outlive_it(number: Signals, group: bool, files: tuple[Runs, Kept]) -> None:
    runs, reference = files
    name = f"workers {number.name}"
    found = trial(runs, name, number, in_training(), reference, group)
    assert found
    assert (found.status, found.wrong) == (128 + number, [])
    assert runs.said(name).count("stops after this step") == (number != SIGKILL)  # workers say nothing


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_who_is_interrupted_in_the_test_has_only_that_to_do(number: Signals, digits: tuple[Runs, Kept]) -> None:
    runs, reference = digits
    name = f"in the test {number.name}"
    found = trial(runs, name, number, at_the_end, reference)
    assert found is None or (found.status, found.record, found.wrong) == (128 + number, "interrupted", [])


def at_the_end(run_dir: Path) -> bool:
    """When nothing is left but the test."""
    record = run_dir / "run.json"
    return record.exists() and json.loads(record.read_text())["epochs"] >= 12
