"""metrics.csv of a run that goes on."""

import csv
from pathlib import Path

import pytest

from leyden.run.table import MetricsTable


def logger(folder: Path) -> MetricsTable:
    return MetricsTable(str(folder), name="", version="")


def log(folder: Path, *rows: dict[str, float], first: int = 0) -> None:
    table = logger(folder)
    for step, row in enumerate(rows, first):
        table.log_metrics(row, step)
    table.save()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]


def test_it_goes_on_with_the_file_that_is_there(tmp_path: Path) -> None:
    log(tmp_path, {"loss": 0.5}, {"loss": 0.25})
    before = (tmp_path / "metrics.csv").read_bytes()
    log(tmp_path, {"loss": 0.125}, first=2)
    assert (tmp_path / "metrics.csv").read_bytes().startswith(before)
    assert rows(tmp_path) == [
        {"loss": "0.5", "step": "0"},
        {"loss": "0.25", "step": "1"},
        {"loss": "0.125", "step": "2"},
    ]


def test_two_runs_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    made: list[dict[str, float]] = [{"loss": 0.5}, {"acc": 1 / 3}, {"loss": 0.25, "acc": 0.1}]
    log(tmp_path / "one", *made)
    log(tmp_path / "two", *made[:1])
    log(tmp_path / "two", *made[1:], first=1)
    assert rows(tmp_path / "one") == rows(tmp_path / "two")


def test_a_new_column_takes_no_row_along(tmp_path: Path) -> None:
    log(tmp_path, {"loss": 0.5}, {"loss": 0.25})
    log(tmp_path, {"acc": 0.75}, {"loss": 0.125}, first=2)
    assert [row.get("loss") for row in rows(tmp_path)] == ["0.5", "0.25", None, "0.125"]
    assert [row.get("acc") for row in rows(tmp_path)] == [None, None, "0.75", None]


def test_a_process_that_dies_while_a_column_is_added_takes_no_row_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tmp_path, {"loss": 0.5})
    before = (tmp_path / "metrics.csv").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        log(tmp_path, {"acc": 0.75}, first=1)
    assert (tmp_path / "metrics.csv").read_bytes() == before


def test_it_begins_where_there_is_none(tmp_path: Path) -> None:
    log(tmp_path / "new", {"loss": 0.5})
    assert rows(tmp_path / "new") == [{"loss": "0.5", "step": "0"}]


def test_a_file_without_a_header_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").touch()
    log(tmp_path, {"loss": 0.5})
    assert rows(tmp_path) == [{"loss": "0.5", "step": "0"}]
