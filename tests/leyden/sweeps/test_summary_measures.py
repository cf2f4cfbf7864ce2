"""Summaries of sweeps whose jobs have different metrics or data: each group is ranked by its own."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from leyden.records.record import CONFIG
from leyden.reports.sweep_report import sweep_report
from leyden.sweeps.measure import agree, measure_of, titles
from leyden.sweeps.summary import as_table, draw, save, summarize
from leyden.sweeps.summary.files import as_csv
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep
from tests.leyden.helpers.reported_runs import read_page

CLASSIFICATION = {"monitor": "val/acc", "mode": "max", "task": None, "data": {"_target_": "a.data.Digits"}}
REGRESSION = {
    "monitor": "val/rmse",
    "mode": "min",
    "task": None,
    "data": {"_target_": "a.CSV", "path": "data/cars.csv"},
}


def job(experiment: str, measure: dict[str, Any] | None, **metrics: float) -> dict[str, Any]:
    record = {"record": finished(**metrics)} if metrics else failed("Boom: x")
    entry = {"settings": {"experiment": experiment}, "overrides": [f"experiment={experiment}"], **record}
    return entry | ({"measure": measure} if measure else {})


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two experiments by accuracy, two by an error, and one that failed; all have a loss."""
    jobs = [
        job("digits_a", CLASSIFICATION, best__val__acc=0.9, val__loss=0.1),
        job("cars_a", REGRESSION, best__val__rmse=3.0, val__loss=0.9),
        job("digits_b", CLASSIFICATION, best__val__acc=0.8, val__loss=0.2),
        job("cars_b", REGRESSION, best__val__rmse=2.0, val__loss=0.8),
        job("cars_c", REGRESSION),
    ]
    return keep_sweep(tmp_path / "mixed", jobs, objectives={"val/acc": "max"})


def test_each_group_is_ranked_by_its_own_metric(mixed: Path) -> None:
    summary = summarize(mixed)
    found = {part.title: [group.settings["experiment"] for group in part.groups] for part in summary.parts}
    assert found == {
        "val/acc (highest first): Digits": ["digits_a", "digits_b"],
        "val/rmse (lowest first): CSV cars.csv": ["cars_b", "cars_a"],
    }
    assert [group.place for group in summary.groups] == [1, 2, 1, 2]
    assert [group.settings["experiment"] for group in summary.best] == ["digits_a", "cars_b"]
    assert [(result.settings["experiment"], summary.cause(result)) for result in summary.rest] == [
        ("cars_c", "Boom: x")
    ]


def test_a_result_without_the_metric_of_its_own_group_says_so(tmp_path: Path) -> None:
    jobs = [
        job("digits", CLASSIFICATION, best__val__acc=0.9),
        job("cars_a", REGRESSION, best__val__acc=0.5),
        job("cars_b", REGRESSION, best__val__rmse=float("nan")),
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    assert {result.settings["experiment"]: summary.cause(result) for result in summary.rest} == {
        "cars_a": "has no val/rmse",
        "cars_b": "val/rmse is nan",
    }
    assert "3 jobs finished, 2 of them without a finite val/rmse" in as_table(summary).plain


def test_tables_have_a_heading_and_the_best_of_each_group(mixed: Path) -> None:
    lines = as_table(summarize(mixed)).plain.splitlines()
    assert "4 of 5 jobs finished, 1 failed; ranked in groups of the same metric and data" in lines[0]
    at = lines.index("val/rmse (lowest first): CSV cars.csv")
    assert lines[at + 1].split() == ["rank", "experiment", "val/rmse", "time"]
    assert [line.split()[1] for line in lines[at + 2 : at + 4]] == ["cars_b", "cars_a"]
    assert lines[at + 4] == "run the best again:  python train.py experiment=cars_b"
    assert lines.index("val/acc (highest first): Digits") < at < lines.index("not ranked")


def test_files_and_plots_are_of_each_group(mixed: Path) -> None:
    summary = summarize(mixed)
    plots, why_not = draw(summary)
    assert [path.name for path in plots] == [
        "history_val_acc_Digits.png",
        "parallel_val_acc_Digits.png",
        "history_val_rmse_CSV_cars_csv.png",
        "parallel_val_rmse_CSV_cars_csv.png",
    ]
    assert why_not is not None
    assert why_not.count("no importance.png: fewer than 4 jobs have a result") == 2
    markdown = save(summary, plots)[0].read_text()
    digits, cars = markdown.split("## Ranked by val/acc (highest first): Digits")[1].split("## Ranked by ")
    assert "| 1 | digits\\_a | 0.9000 |" in digits
    assert "experiment=digits_a\n" in digits
    assert "| 1 | cars\\_b | 2.0000 |" in cars
    assert "![history_val_acc_Digits](history_val_acc_Digits.png)" in cars
    rows = {row["experiment"]: row for row in csv.DictReader(io.StringIO(as_csv(summary)))}
    assert [(name, row["rank"], row["ranked_by"][:8]) for name, row in rows.items()] == [
        ("digits_a", "1", "val/acc "),
        ("digits_b", "2", "val/acc "),
        ("cars_b", "1", "val/rmse"),
        ("cars_a", "2", "val/rmse"),
        ("cars_c", "", "val/rmse"),
    ]
    assert (rows["cars_b"]["objective/val/rmse"], rows["cars_b"]["objective/val/acc"]) == ("2.0", "")


def test_the_report_has_the_best_run_of_each_group(mixed: Path) -> None:
    text = read_page(sweep_report(summarize(mixed))).text
    assert "0.9000 best val/acc of Digits" in text
    assert "2.0000 best val/rmse of CSV cars.csv" in text
    assert "val/rmse (lowest first): CSV cars.csv rank experiment val/rmse time 1 cars_b 2.0000" in text
    assert "python train.py experiment=digits_a" in text
    assert "python train.py experiment=cars_b" in text


def test_a_group_without_any_result_stops_no_report(tmp_path: Path) -> None:
    jobs = [job("cars", REGRESSION), job("digits", CLASSIFICATION, best__val__acc=0.9)]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, objectives={"val/rmse": "min"}))
    assert "run it again:  python train.py experiment=digits" in as_table(summary).plain
    assert "0.9000 best val/acc of Digits" in read_page(sweep_report(summary)).text
    assert draw(summary) == ([], "no plots: they need two jobs with a result")


def test_a_sweep_that_kept_no_measures_has_them_from_its_configs(tmp_path: Path) -> None:
    jobs = [job("digits", None, best__val__acc=0.9), job("cars", None, best__val__rmse=2.0), job("gone", None)]
    sweep = keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max"})
    assert summarize(sweep).parts == []
    for name, measure in (("digits", CLASSIFICATION), ("cars", REGRESSION)):
        config = {"monitor": measure["monitor"], "mode": measure["mode"], "data": measure["data"]}
        (sweep / f"experiment={name}" / CONFIG).write_text(yaml.safe_dump(config))
    found = [[result.settings["experiment"] for result in part.results] for part in summarize(sweep).parts]
    assert found == [["digits", "gone"], ["cars"]]


def test_a_search_has_one_ranking(tmp_path: Path) -> None:
    jobs = [job("a", CLASSIFICATION, best__val__loss=0.9), job("b", REGRESSION, best__val__loss=0.8)]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, kind="search"))
    assert [group.settings["experiment"] for group in summary.groups] == ["b", "a"]
    assert summary.parts == []


def test_a_loss_is_compared_within_a_task_and_another_metric_in_all() -> None:
    def config(monitor: str, task: str) -> dict[str, Any]:
        return {"monitor": monitor, "mode": "min", "task": {"_target_": f"a.{task}"}, "data": {"_target_": "a.Digits"}}

    assert measure_of(config("val/error", "One")) == measure_of(config("val/error", "Two"))
    losses = [measure_of(config("val/loss", task)) for task in ("One", "Two")]
    assert titles(losses) == ["val/loss (lowest first): Digits, One", "val/loss (lowest first): Digits, Two"]


def test_other_values_that_set_a_part_of_the_data_are_ranked_together() -> None:
    data = {"_target_": "a.CSV", "path": "cars.csv", "target": "mpg", "train_size": 10, "fold": 1}
    base = {"monitor": "val/rmse", "mode": "min", "data": data}
    assert measure_of(base) == measure_of(base | {"data": data | {"train_size": 20, "fold": 2}})
    others = [measure_of(base), measure_of(base | {"data": data | {"target": "weight"}})]
    assert titles(others) == [f"val/rmse (lowest first): CSV cars.csv, target={target}" for target in ("mpg", "weight")]


def test_data_sets_of_torch_are_ranked_apart() -> None:
    def config(name: str, val: str | None = None, **settings: Any) -> dict[str, Any]:
        sets = {"train": {"_target_": f"a.{name}", **settings}, "val": {"_target_": f"a.{val}"} if val else None}
        return {"monitor": "val/acc", "mode": "max", "data": {"_target_": "leyden.Datasets", **sets}}

    one, other = measure_of(config("One")), measure_of(config("Other"))
    assert not agree(one, other)
    assert titles([one, other]) == ["val/acc (highest first): Datasets One", "val/acc (highest first): Datasets Other"]
    sizes = [measure_of(config("One", size=size)) for size in (1, 2)]
    assert titles(sizes) == [f"val/acc (highest first): Datasets One, size={size}" for size in (1, 2)]
    assert agree(measure_of(config("One", seed=1)), measure_of(config("One", seed=2)))
    assert agree(measure_of(config("One", val="Val")), measure_of(config("Other", val="Val")))
    assert not agree(one, measure_of(config("One", val="Val")))


LOSSES = [
    {},
    {"loss": {"huber": {"delta": 2}}},
    {"label_smoothing": 0.1},
    {"class_weights": {1: 2.0, "b": 3.0}},
    {"delta": 2.0},
]


def with_loss(monitor: str, **settings: Any) -> dict[str, Any]:
    task = {"_target_": "a.One", "loss": "huber", "label_smoothing": 0.0, "class_weights": None, **settings}
    return {"monitor": monitor, "mode": "min", "task": task, "data": {"_target_": "a.Digits"}}


def test_different_losses_are_ranked_apart_and_other_metrics_of_them_together() -> None:
    measures = [measure_of(with_loss("val/loss", **settings)) for settings in LOSSES]
    assert not any(agree(one, other) for place, one in enumerate(measures) for other in measures[:place])
    assert titles(measures[:2]) == [
        "val/loss (lowest first): Digits, loss=huber",
        "val/loss (lowest first): Digits, loss={huber: {delta: 2}}",
    ]
    assert all(agree(measure_of(with_loss("val/acc")), measure_of(with_loss("val/acc", **more))) for more in LOSSES)


def test_measures_that_were_recorded_with_fewer_keys_are_completed_by_the_configs(tmp_path: Path) -> None:
    recorded = {"monitor": "val/loss", "mode": "min", "task": "a.One", "data": {"_target_": "a.Digits"}}
    jobs = [job(name, recorded, best__val__loss=0.9) for name in ("a", "b", "c")]
    jobs.append(job("d", measure_of(with_loss("val/loss", **LOSSES[1])), best__val__loss=0.9))
    sweep = keep_sweep(tmp_path / "s", jobs, objectives={"val/loss": "min"})
    assert summarize(sweep).parts == []  # a key that is missing is equal
    for name, settings in zip("abc", LOSSES, strict=False):
        (sweep / f"experiment={name}" / CONFIG).write_text(yaml.safe_dump(with_loss("val/loss", **settings)))
    found = [[result.settings["experiment"] for result in part.results] for part in summarize(sweep).parts]
    assert found == [["a"], ["b", "d"], ["c"]]
