"""When one process of a run fails, the run says which, and all of them end."""

import json
from collections.abc import Iterator

import pytest

from tests.leyden.helpers.ranks_runs import SETTINGS
from tests.leyden.torture.doors import Doors
from tests.leyden.torture.runs import Runs

pytestmark = pytest.mark.slow

FAILS = "+callbacks.fails._target_=tests.leyden.helpers.ranks_callbacks.Fails"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with Doors() as doors:
        yield Runs(doors, tmp_path_factory.mktemp("runs"), [*SETTINGS, FAILS])


def failed(runs: Runs, name: str, *settings: str) -> tuple[int, str, str]:
    """The exit status of a run that fails, what its record says, and what it printed."""
    status = runs.doors.wait(runs.start(name, *(f"+callbacks.fails.{setting}" for setting in settings)))
    record = json.loads((runs.dir(name) / "run.json").read_text())
    assert record["status"] == "failed"
    return status, record["error"], runs.said(name)


@pytest.mark.parametrize(
    ("how", "busy", "told"),
    [
        ("exits", False, "process 1 of the run ended with status 7"),
        ("is_killed", True, "process 1 of the run was killed by SIGKILL"),
    ],
)
def test_the_record_names_the_process_that_was_lost(how: str, busy: bool, told: str, runs: Runs) -> None:
    status, error, said = failed(runs, how, f"how={how}", f"busy={str(busy).lower()}")
    assert status == 1
    assert error.endswith(told)
    assert told in said
    assert told in (runs.dir(how) / "train.log").read_text()


def test_a_bug_in_one_process_shows_where_it_is(runs: Runs) -> None:
    status, error, said = failed(runs, "raises", "how=raises")
    assert status == 1
    assert error.endswith("process 1 of the run ended with status 1")
    assert "process 1 of the run:" in said
    assert said.count("RuntimeError: the third batch is a bad one") == 1


def test_an_error_of_all_processes_is_that_of_the_run(runs: Runs) -> None:
    status, error, said = failed(runs, "all", "how=is_refused", "rank=null")
    assert (status, error) == (2, "UserError: data: the third batch is a bad one")
    assert said.count("error: data: the third batch is a bad one") == 1
    assert "process 1" not in said


def test_a_mistake_that_only_one_process_meets_is_told(runs: Runs) -> None:
    status, error, said = failed(runs, "one", "how=is_refused")
    assert status == 1
    assert error.endswith("process 1 of the run ended with status 2")
    assert said.count("error: data: the third batch is a bad one") == 1
