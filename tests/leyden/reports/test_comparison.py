"""leyden.reports.comparison: runs side by side."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from leyden.reports.comparison import comparison_report, differing_settings, short_names
from leyden.reports.metrics_table import mode_of
from leyden.reports.run_files import RunFiles, read_run
from tests.leyden.helpers.reported_runs import CONFIG, CURVES, Page, keep_plots, keep_run, read_page


def changed(**values: Any) -> dict[str, Any]:
    config = deepcopy(CONFIG)
    for key, value in values.items():
        section, _, name = key.partition("__")
        config[section] = {**config[section], name: value} if name else value
    return config


def two(tmp_path: Path, **second: Any) -> list[RunFiles]:
    keep_run(tmp_path / "logs" / "one")
    keep_run(tmp_path / "logs" / "two", **second)
    return [read_run(tmp_path / "logs" / name) for name in ("one", "two")]


def report(runs: list[RunFiles]) -> Page:
    return read_page(comparison_report(runs))


def best(html: str) -> dict[str, list[str]]:
    """The marked cells of each row of a table."""
    rows = re.findall(r"<tr><th>([^<]*)</th>(.*?)</tr>", html)
    return {name: re.findall(r'<span class="best">([^<]*)</span>', cells) for name, cells in rows}


def test_settings_that_differ_are_listed_and_no_others(tmp_path: Path) -> None:
    config = changed(optimizer__lr=0.1, model={"_target_": "torch.nn.Linear", "sizes": [1]}, paths__run_dir="other")
    runs = two(tmp_path, config=config)
    found = differing_settings(runs)
    assert list(found) == ["model._target_", "model.channels", "model.dropout", "model.sizes", "optimizer.lr"]
    assert found["optimizer.lr"] == [0.002, 0.1]
    text = report(runs).text
    assert "optimizer.lr 0.002 0.1" in text
    assert "model.sizes – [1]" in text
    assert "two, 19 lines; what differs is highlighted" in text


def test_equal_configs_are_said_to_be_equal(tmp_path: Path) -> None:
    assert "None: the configs of these runs are the same." in report(two(tmp_path)).text


def test_the_best_value_of_each_metric_is_marked_by_its_mode(tmp_path: Path) -> None:
    metrics = {"test/acc": 0.8, "test/loss": 0.6, "val/loss": float("nan"), "val/own": 3.0, "best/val/acc": 0.75}
    marked = best(comparison_report(two(tmp_path, metrics={k: None if v != v else v for k, v in metrics.items()})))
    assert marked["test/acc"] == ["0.8000"]
    assert marked["test/loss"] == ["0.5200"]
    assert marked["val/loss"] == []  # of one value, the other is NaN
    assert marked["val/own"] == []
    assert marked["best/val/acc"] == []  # equal


def test_no_value_is_the_best_of_different_tasks(tmp_path: Path) -> None:
    """The loss of one is a cross entropy, that of the other a squared error."""
    other = changed(task={"_target_": "a.b.Regression"})
    marked = best(comparison_report(two(tmp_path, config=other, metrics={"test/acc": 0.8, "test/loss": 0.1})))
    assert marked["test/loss"] == marked["test/acc"] == []


def test_the_mode_of_a_metric_is_that_of_the_run_that_monitors_it(tmp_path: Path) -> None:
    runs = two(tmp_path, config=changed(monitor="val/own", mode="min"), monitor="val/own")
    modes = {
        name: mode_of(name, runs) for name in ("test/own", "best/val/own", "test/acc", "test/rmse", "test/top3", "a/b")
    }
    assert modes == {
        "test/own": "min",
        "best/val/own": "min",
        "test/acc": "max",
        "test/rmse": "min",
        "test/top3": "max",
        "a/b": None,
    }


def test_curves_are_in_one_chart_for_each_metric(tmp_path: Path) -> None:
    page = comparison_report(two(tmp_path, curves={**CURVES, "val/f1": [0.1, 0.2, 0.3]}))
    charts = re.findall(r"<figure>.*?</figure>", page)
    titles = [re.findall("<b>(.*?)</b>", chart)[0] for chart in charts if "<svg" in chart]
    assert titles == ["loss", "acc", "f1"]
    assert [chart.count("<path") for chart in charts if "<svg" in chart] == [4, 4, 1]


def test_facts_in_common_are_shown_once(tmp_path: Path) -> None:
    text = report(two(tmp_path, data="other data", host="elsewhere")).text
    assert "data data/cars.csv: 6 train, 3 val, 2 test other data" in text
    assert re.search("The same in all .*experiment some status finished", text)


def test_figures_of_the_same_name_are_side_by_side(tmp_path: Path) -> None:
    page = comparison_report(two(tmp_path, plots=["confusion_matrix", "roc", "learning_curves"]))
    blocks = page.partition('id="plots"')[2].split("<h3>")[1:]
    assert [block.partition("<")[0] for block in blocks][:3] == ["Confusion matrix", "Worst predictions", "Roc"]
    assert [block.partition("</section>")[0].count("<img") for block in blocks][:3] == [2, 1, 1]


def test_names_are_as_short_as_they_can_be() -> None:
    def names(*paths: str) -> list[str]:
        return short_names([RunFiles(Path(path), {}, "", {}, [], None, [], {}, "", [], {}) for path in paths])  # type: ignore[arg-type]

    assert names("/l/a/one", "/l/a/two") == ["one", "two"]
    assert names("/l/a/now", "/l/b/now") == ["a/now", "b/now"]
    assert names("/l/a", "/l/a/b") == ["a", "a/b"]


def test_runs_of_different_experiments_and_states(tmp_path: Path) -> None:
    curves = {"train/loss": [0.5, 0.4], "val/rmse": [3.0, 2.0]}
    runs = two(tmp_path, curves=curves, experiment="<other>", status="failed", config={}, plots=(), monitor="val/rmse")
    (tmp_path / "empty").mkdir()
    text = report([*runs, read_run(tmp_path / "empty")]).text
    assert "Comparison of 3 runs" in text
    assert "some, <other>, " in text


def test_many_long_runs_with_many_figures_stay_small(tmp_path: Path) -> None:
    curves = {
        name: [1 / (n + 1) + n % 7 for n in range(500)] for name in ("train/loss", "val/loss", "train/acc", "val/acc")
    }
    runs = []
    for n in range(12):
        run_dir = keep_run(tmp_path / f"run{n}", curves, changed(seed=n), git={"commit": "01", "dirty": True})
        keep_plots(run_dir, ["confusion_matrix", "roc"], "c", size=(300, 200))
        (run_dir / "changes.patch").write_bytes(b"diff --git a b" * 10_000)
        runs.append(read_run(run_dir))
    page = report(runs)
    assert "in the run's directory and in its own report" in page.text
    assert sum(name == "src" for name, _ in page.attributes) > 12


def test_settings_are_in_the_order_of_the_configs_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    config = changed(data__new=None, data__augment={"rotation": 5, "crop": {"size": 3}}, data__batch_size=8, seed=2)
    found = differing_settings(two(tmp_path, config=config))
    assert list(found) == ["seed", "data.batch_size", "data.augment.rotation", "data.augment.crop.size"]
    config = changed(model={"channels": None})
    runs = [read_run(keep_run(tmp_path / name, config=c)) for name, c in (("a", CONFIG), ("b", config))]
    assert list(differing_settings(runs)) == ["model._target_", "model.channels", "model.dropout"]
