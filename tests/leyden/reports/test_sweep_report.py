"""leyden.reports.sweep_report: sweeps with and without results."""

from pathlib import Path
from typing import Any

import pytest

from leyden.reports.sweep_report import sweep_report
from leyden.sweeps.summary import summarize
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep
from tests.leyden.helpers.reported_runs import CONFIG, CURVES, Page, keep_run, read_page

ODD = "<script>alert('1')</script> & 🚀"


def report(sweep: Path, repeats: list[str] | None = None) -> Page:
    before = sorted(sweep.rglob("*"))
    page = read_page(sweep_report(summarize(sweep, repeats)))
    assert sorted(sweep.rglob("*")) == before  # it writes nothing
    return page


def grid(values: dict[float, float], **more: Any) -> list[dict[str, Any]]:
    return [
        {"settings": {"optimizer.lr": lr}, "record": finished(best__val__loss=loss), **more}
        for lr, loss in values.items()
    ]


def test_a_grid_with_a_failed_job(tmp_path: Path) -> None:
    jobs = [*grid({0.1: 0.3, 0.01: 0.2}), {"settings": {"optimizer.lr": 9.0}, **failed("RuntimeError: <no>")}]
    page = report(keep_sweep(tmp_path / "s", jobs, constants=["trainer.max_epochs=3"]))
    text = page.text
    assert "Grid of mnist_mlp" in text
    assert "2 of 3 jobs finished, 1 failed; by val/loss (lowest first)" in text
    assert "0.2000 best val/loss" in text
    assert "rank optimizer.lr val/loss time 1 0.01 0.2000 4.2 s 2 0.1 0.3000 4.2 s" in text
    assert "python train.py experiment=mnist_mlp trainer.max_epochs=3 optimizer.lr=0.01 python eval.py run=" in text
    assert "failed optimizer.lr=9.0 RuntimeError: <no>" in text
    assert "optimizer.lr 0.1, 0.01, 9.0" in text
    assert "In all jobs: trainer.max_epochs=3" in text
    assert sum(name == "src" for name, _ in page.attributes) == 2  # history and parallel coordinates
    assert "No importance.png: fewer than 4 jobs have a result." in text


def test_the_best_run_is_shown_with_its_curves_and_config(tmp_path: Path) -> None:
    sweep = keep_sweep(tmp_path / "s", grid({0.1: 0.3, 0.01: 0.2}))
    best = sweep / "optimizer.lr=0.01"
    record = (best / "run.json").read_text()
    best.rename(tmp_path / "old")
    keep_run(best, {**CURVES, "val/loss": [0.5, 0.4, 0.3, 0.2]}, CONFIG, ["optimizer.lr=0.01"])
    (best / "run.json").write_text(record)
    page = report(sweep)
    assert page.names.count("svg") == 2
    assert "Network MLP, 1,234 parameters on cpu" in page.text
    assert "Overfitting Too few epochs to tell" in page.text
    assert "Config of the best run, 20 lines; what was swept or overridden is highlighted" in page.text
    assert f"python scripts/report.py run={best}" in page.text


def test_repeats_are_means_unless_they_are_ranked(tmp_path: Path) -> None:
    jobs = [{"settings": {"seed": seed}, "record": finished(best__val__loss=0.1 * seed)} for seed in (1, 2, 3)]
    sweep = keep_sweep(tmp_path / "s", jobs)
    assert "0.2000 ± 0.1000" in report(sweep).text
    text = report(sweep, []).text
    assert "None is recommended" in text or "none is recommended" in text
    assert "best val/loss" not in text


def test_several_objectives(tmp_path: Path) -> None:
    jobs = [{"settings": {"a": n}, "record": {**finished(val__acc=n), "seconds": n}} for n in range(1, 6)]
    text = report(keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max", "seconds": "min"})).text
    assert "Pareto fronts of val/acc (highest first) and seconds (lowest first)" in text
    assert "front 1 val/acc" in text


@pytest.mark.parametrize("jobs", [[], [{"settings": {"a": 1}}], [{"settings": {"a": 1}, **failed("no")}]])
def test_a_sweep_without_results(jobs: list[dict[str, Any]], tmp_path: Path) -> None:
    text = report(keep_sweep(tmp_path / "s", jobs)).text
    assert "No job has a result that can be ranked." in text
    assert "Best run" not in text


def test_a_sweep_that_was_killed(tmp_path: Path) -> None:
    text = report(keep_sweep(tmp_path / "s", grid({0.1: 0.3}), status="running", pid=2**22 + 1)).text
    assert "killed: repeat the command to resume" in text


def test_odd_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    jobs = [
        {"settings": {"data.target": f"{ODD}{n}".replace("/", "")}, "record": finished(best__val__loss=n)}
        for n in (1, 2)
    ]
    jobs.append({"settings": {"data.target": "x"}, **failed(ODD)})
    constants = [f"data.name={ODD}", "sweep.storage=postgres://me:secret@host/db"]
    page = report(keep_sweep(tmp_path / "s", jobs, constants=constants, experiment=ODD, command=f"python {ODD}"))
    assert page.text.count(ODD) >= 4
    assert "secret" not in page.text


def test_a_very_long_table_is_cut(tmp_path: Path) -> None:
    jobs = grid({0.001 * n: n for n in range(1, 251)})
    text = report(keep_sweep(tmp_path / "s", jobs)).text
    assert "50 more groups in summary.csv." in text
