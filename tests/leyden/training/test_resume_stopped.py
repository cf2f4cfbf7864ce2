"""A run that is killed or interrupted loses nothing, and says how it ended."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, SIGUSR2, Signals

import pytest

from tests.helpers.image_files import write_folders
from tests.leyden.torture.doors import ROOT, Doors
from tests.leyden.torture.hold import Hold
from tests.leyden.torture.runs import Kept, Runs
from tests.leyden.torture.stops import after, trial

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


@pytest.fixture
def in_training(tmp_path: Path) -> Hold:
    """In the middle of the second epoch."""
    return Hold(tmp_path / "hold", "epoch 1")


@pytest.mark.parametrize(("place", "writing"), [("epoch 1", False), ("write 9", True)])
def test_a_run_that_was_killed_ends_like_one_that_was_not(
    place: str, writing: bool, digits: tuple[Runs, Kept], tmp_path: Path
) -> None:
    runs, reference = digits
    found = trial(runs, f"killed in {place}", SIGKILL, Hold(tmp_path / "hold", place), reference)
    assert found
    assert (found.status, found.writing, found.wrong) == (137, writing, [])


def test_a_run_that_was_killed_at_any_moment_ends_like_one_that_was_not(digits: tuple[Runs, Kept]) -> None:
    runs, reference = digits
    seconds = json.loads((runs.dir("reference") / "run.json").read_text())["seconds"]
    found, moment = None, random.Random(2).uniform(0.2, 0.2 + seconds)
    for attempt in range(10):
        if found is None:  # or it was over by then, and is killed earlier
            found = trial(runs, f"killed {attempt}", SIGKILL, after(moment * 0.7**attempt), reference)
    assert found
    assert (found.status, found.wrong) == (137, [])


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGUSR2])
def test_an_interrupted_run_ends_in_order_and_loses_no_step(
    number: Signals, digits: tuple[Runs, Kept], in_training: Hold
) -> None:
    runs, reference = digits
    name = f"stopped_by_{number.name}"
    found = trial(runs, name, number, in_training, reference)
    assert found
    assert (found.status, found.record, found.wrong) == (128 + number, "interrupted", [])
    assert f"{number.name}: stops after this step, with a checkpoint" in runs.said(name)
    assert f"interrupted by {number.name}; resume with:\n  python train.py resume={runs.dir(name)}" in runs.said(name)


@pytest.mark.parametrize(("number", "group"), [(SIGTERM, True), (SIGINT, True), (SIGUSR2, True), (SIGKILL, False)])
def test_workers_neither_ruin_the_end_nor_outlive_it(
    number: Signals, group: bool, files: tuple[Runs, Kept], in_training: Hold
) -> None:
    runs, reference = files
    name = f"workers {number.name}"
    found = trial(runs, name, number, in_training, reference, group)
    assert found
    assert (found.status, found.wrong) == (128 + number, [])
    assert runs.said(name).count("stops after this step") == (number != SIGKILL)  # workers say nothing


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_who_is_interrupted_in_the_test_has_only_that_to_do(
    number: Signals, digits: tuple[Runs, Kept], tmp_path: Path
) -> None:
    runs, reference = digits
    name = f"in the test {number.name}"
    found = trial(runs, name, number, Hold(tmp_path / "hold", "test"), reference)
    assert found
    assert (found.status, found.record, found.wrong) == (128 + number, "interrupted", [])
    assert runs.said(name).count("epoch 12/12") == 1
