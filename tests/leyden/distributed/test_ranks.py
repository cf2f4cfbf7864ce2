"""A run of several processes is stopped and goes on like any other."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.leyden.helpers.ranks_runs import SETTINGS, await_true
from tests.leyden.torture.doors import Doors
from tests.leyden.torture.hold import Hold
from tests.leyden.torture.processes import children, is_gone
from tests.leyden.torture.runs import Kept, Runs


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A folder for the run that is left alone."""
    with Doors() as doors:
        yield Runs(doors, tmp_path_factory.mktemp("whole"), SETTINGS)


@pytest.fixture(scope="module")
def reference(whole: Runs) -> Kept:
    return whole.train("reference")


@pytest.fixture
def runs(whole: Runs, tmp_path: Path) -> Runs:
    """A folder for one that is not."""
    return Runs(whole.doors, tmp_path, SETTINGS)


def stopped(runs: Runs, name: str, epochs: int, number: Signals, to: list[int]) -> tuple[int, int]:
    """Start a run, or go on with it, and in the middle of an epoch send a signal to some of its two processes.

    Returns:
        The exit status of the first, and the id of the second.
    """
    hold = Hold(runs.folder / "hold", f"epoch {epochs}")
    first = runs.start_again(name, hold=hold.file)
    assert await_true(lambda: hold() or is_gone(first))
    assert hold(), runs.said(name)
    (second,) = children(first)
    for place in to:
        os.kill((first, second)[place], number)
    hold.release()
    return runs.doors.wait(first), second


def test_further_processes_compose_nothing_and_share_one_directory(whole: Runs, reference: Kept) -> None:
    assert (reference.epochs, reference.steps) == (6, 48)
    assert sorted(path.name for path in whole.folder.iterdir()) == ["last", "reference", "reference.txt"]
    assert whole.said("reference").count("epoch 6/6") == 1


STOPS = [(SIGINT, [0], 130), (SIGTERM, [0, 1], 143), (SIGTERM, [1], 143)]  # the signal, to which ranks, exit status


@pytest.mark.slow
def test_a_run_that_was_stopped_in_every_way_ends_like_one_that_was_not(runs: Runs, reference: Kept) -> None:
    for epochs, (number, to, status) in enumerate(STOPS, 1):
        left, second = stopped(runs, "stopped", epochs, number, to)
        assert left == status
        assert is_gone(second)
        record = json.loads((runs.dir("stopped") / "run.json").read_text())
        assert (record["status"], record["epochs"]) == ("interrupted", epochs)
    left, second = stopped(runs, "stopped", 4, SIGKILL, [0])
    assert left == -SIGKILL
    assert await_true(lambda: is_gone(second))
    assert runs.resume("stopped").differences(reference) == []
    assert "Traceback" not in runs.said("stopped")


@pytest.mark.slow
def test_processes_save_within_an_epoch_together_or_not_at_all(runs: Runs) -> None:
    """One that logs what no checkpoint holds would otherwise leave the other waiting for it."""
    own = [
        "task._target_=tests.leyden.helpers.ranks_callbacks.LogsAlone",
        "callbacks.last.every_n_steps=2",
        "trainer.max_epochs=2",
    ]
    assert runs.train("alone", *own).epochs == 2
    assert "train/alone, logged with on_epoch=True, is in no checkpoint" in runs.said("alone")
