"""What is shown of a sweep while it runs."""

import io
import logging
import re
from pathlib import Path

import pytest
import rich
from rich.console import Console

from leyden.records.record import write_record
from leyden.sweeps.job import Job, read_outcome
from leyden.sweeps.progress import SweepProgress, board
from tests.leyden.sweeps.made_jobs import finish, made_job

OBJECTIVES = {"val/loss": "min"}


def terminal(monkeypatch: pytest.MonkeyPatch, width: int = 80, height: int = 24) -> io.StringIO:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=width, height=height, no_color=True)
    monkeypatch.setattr(rich, "get_console", lambda: console)
    return output


def frame(output: io.StringIO) -> list[str]:
    """The last lines that were drawn."""
    text = output.getvalue().rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[[\d;?]*\w", "", text).replace("\r", "").splitlines()


def running(folder: Path, number: int, epochs: int = 1) -> Job:
    job = made_job(folder, f"optimizer.lr={number}", x=number)
    job.dir.mkdir(parents=True)
    metrics = {"best/val/loss": 0.25}
    write_record(job.dir, {"status": "running", "metrics": metrics, "epochs": epochs, "seconds": 1.5, "pid": 1})
    return job


def test_the_board_has_a_row_for_each_running_job_and_the_progress_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = terminal(monkeypatch)
    with SweepProgress(4, 1, tmp_path / "output") as progress:
        for number in range(2):
            progress.begin(running(tmp_path, number))
        progress.show()
        first, second, last = frame(output)
    assert re.fullmatch(r"optimizer\.lr=0  epoch 1/2  val/loss 0\.25  0 s", first)
    assert re.fullmatch(r"optimizer\.lr=1  epoch 1/2  val/loss 0\.25  0 s", second)
    assert re.match(r"1 of 4 done  [━╸╺ ]+   50 %", last)  # one of four is done, and two are half done


def test_the_board_is_not_higher_than_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = terminal(monkeypatch, height=8)
    with SweepProgress(40, 0, tmp_path / "output") as progress:
        for number in range(20):
            progress.begin(running(tmp_path, number))
        lines = frame(output)
    assert len(lines) <= 7
    assert "… and 15 more" in lines


@pytest.mark.parametrize("output", [None, Path("output")])
def test_without_a_terminal_a_job_that_begins_is_a_line(
    output: Path | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="leyden"), SweepProgress(3, 1, output) as progress:
        progress.begin(running(tmp_path, 5))
        progress.show()
    assert caplog.messages == ["job 2 of 3: optimizer.lr=5"]


def test_jobs_that_print_themselves_are_announced_on_a_terminal_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = terminal(monkeypatch)
    with caplog.at_level(logging.INFO, logger="leyden"), SweepProgress(3, 1, None) as progress:
        progress.begin(running(tmp_path, 5))
    assert caplog.messages == ["job 2 of 3: optimizer.lr=5"]
    assert output.getvalue() == ""


def test_a_job_that_ended_is_one_line_whose_name_may_lose_its_middle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = made_job(tmp_path, "optimizer.lr=0.001,model.hidden_sizes=64-64-64,seed=1", x=1)
    finish(job)
    with caplog.at_level(logging.INFO, logger="leyden"):
        SweepProgress(3, 1, tmp_path).end(read_outcome(job))
    assert caplog.messages == [f"2 of 3  {job.name}: finished, val/loss 0.5  1.5 s"]
    forms = caplog.records[0].forms  # type: ignore[attr-defined]
    assert [len(form) for form in forms] == list(range(len(forms[0]), len(forms[-1]) - 1, -1))
    assert forms[-1] == "2 of 3  optimi…eed=1: finished, val/loss 0.5  1.5 s"


def test_a_job_that_failed_names_its_cause_and_its_output(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = made_job(tmp_path, "x=1", x=1)
    job.dir.mkdir()
    write_record(job.dir, {"status": "failed", "error": "ValueError: too large", "seconds": 0.5})
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "x=1.txt").touch()
    progress = SweepProgress(3, 0, tmp_path / "output")
    progress.end(read_outcome(job))
    assert caplog.messages == ["1 of 3  x=1: failed  0.5 s", "  ValueError: too large", "  its output: output/x=1.txt"]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert progress.failed == 1


ROWS = [
    ["optimizer.lr=0.001,model.hidden_sizes=64-64", "epoch 3/60", "val/rmse 4.39", "12 s"],
    ["seed=2", "epoch 12/60", "", "2 min 5 s"],
]


@pytest.mark.parametrize("width", range(5, 120))
def test_rows_are_aligned_and_never_wider_than_the_terminal(width: int) -> None:
    lines = board(width, ROWS)
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert width < 45 or len({line.index("epoch") for line in lines}) == 1


def test_a_wide_terminal_has_everything() -> None:
    assert board(100, ROWS) == [
        "optimizer.lr=0.001,model.hidden_sizes=64-64  epoch 3/60   val/rmse 4.39  12 s",
        "seed=2                                       epoch 12/60                 2 min 5 s",
    ]
    assert board(80, []) == []
