"""A run of several processes is stopped and goes on like any other."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.ranks_runs import SETTINGS, await_true, children, is_gone
from tests.torture.doors import Doors
from tests.torture.runs import Kept, Runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with Doors() as doors:
        yield Runs(doors, tmp_path_factory.mktemp("runs"), SETTINGS)


@pytest.fixture(scope="module")
def reference(runs: Runs) -> Kept:
    return runs.train("reference")


def stopped(runs: Runs, name: str, epochs: int, number: Signals, to: list[int]) -> tuple[int, int]:
    """Start a run, or go on with it, and once it has had some epochs send a signal to some of its two processes.

    Returns:
        The exit status of the first, and the id of the second.
    """
    first = runs.start_again(name)
    assert await_true(lambda: has_had(runs.dir(name), epochs) or is_gone(first))
    (second,) = children(first)
    for place in to:
        os.kill((first, second)[place], number)
    return runs.doors.wait(first), second


def has_had(run_dir: Path, epochs: int) -> bool:
    record = run_dir / "run.json"
    return record.exists() and bool(json.loads(record.read_text())["epochs"] >= epochs)


def test_further_processes_compose_nothing_and_share_one_directory(runs: Runs, reference: Kept) -> None:
    assert (reference.epochs, reference.steps) == (6, 48)
    assert sorted(path.name for path in runs.folder.iterdir()) == ["last", "reference", "reference.txt"]
    assert runs.said("reference").count("epoch 6/6") == 1


STOPS = [(SIGINT, [0], 130), (SIGTERM, [0, 1], 143), (SIGTERM, [1], 143)]  # the signal, to which ranks, exit status


@pytest.mark.slow
def test_a_run_that_was_stopped_in_every_way_ends_like_one_that_was_not(runs: Runs, reference: Kept) -> None:
    for epochs, (number, to, status) in enumerate(STOPS, 1):
        left, second = stopped(runs, "stopped", epochs, number, to)
        assert left == status
        assert is_gone(second)
        record = json.loads((runs.dir("stopped") / "run.json").read_text())
        assert (record["status"], record["epochs"] < 6) == ("interrupted", True)
    left, second = stopped(runs, "stopped", 4, SIGKILL, [0])
    assert left == -SIGKILL
    assert await_true(lambda: is_gone(second), 10)
    assert runs.resume("stopped").differences(reference) == []
    assert "Traceback" not in runs.said("stopped")
