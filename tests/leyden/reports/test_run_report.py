"""leyden.reports.run_report: what it answers, of runs in every state."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leyden.reports.run_files import read_run
from leyden.reports.run_report import run_report
from tests.leyden.helpers.reported_runs import CONFIG, CURVES, Page, keep_plots, keep_run, read_page

ODD = "<script>alert('1')</script> \"&\" 🚀 </td></table>"


def report(run_dir: Path) -> Page:
    return read_page(run_report(read_run(run_dir)))


def test_a_report_answers_what_is_asked_of_a_run(tmp_path: Path) -> None:
    losses = {"train/loss": [0.9 / n for n in range(1, 9)], "val/loss": [0.9, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}
    text = report(keep_run(tmp_path / "run", {**CURVES, **losses}, seed=1)).text
    assert "finished" in text
    assert "0.7300 test/acc of the best weights" in text
    assert "0.7500 best val/acc in epoch 3" in text
    assert "1 min 2 s duration" in text
    assert "1,234 parameters" in text
    assert "Most often confused: 4 as 9 (23). Figure" in text
    assert "Overfitting from epoch 4 on: the validation loss was lowest at epoch 3 of 8 (0.4000)" in text
    assert "Overridden optimizer.lr=2e-3 , model=cnn Code" in text
    assert "train 6" in text
    assert "data/cars.csv: 6 train, 3 val, 2 test" in text
    assert "git checkout 0123456789abcdef python train.py experiment=some optimizer.lr=2e-3 model=cnn" in text
    assert "python 3.12.1 , torch 2.15.0 Host laboratory Started 2026-01-31" in text
    assert "classes are <unbalanced> & few" in text


def test_figures_are_embedded_but_for_what_the_page_draws_itself(tmp_path: Path) -> None:
    page = report(keep_run(tmp_path / "run", plots=["learning_curves", "roc"]))
    images = [value for name, value in page.attributes if name == "src"]
    assert len(images) == 1
    assert ("alt", "Roc") in page.attributes
    assert page.names.count("svg") == 2
    without = report(keep_run(tmp_path / "other", {}, plots=["learning_curves", "roc"]))
    assert sum(name == "src" for name, _ in without.attributes) == 2  # no metrics.csv to draw


def test_large_figures_fit(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run", plots=())
    keep_plots(run_dir, [f"plot_{number}" for number in range(6)], "c", size=(700, 300))
    page = report(run_dir)
    assert sum(name == "src" for name, _ in page.attributes) >= 4


def test_odd_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    config = {**CONFIG, "data": {"_target_": "x", ODD: ODD}, "model": {"classes": [ODD]}}
    curves = {**CURVES, "val/<i>": [0.1, 0.2]}
    run_dir = keep_run(
        tmp_path / "run",
        curves,
        config,
        [f"model.classes=[{ODD}]"],
        caption=ODD,
        data=ODD,
        error=ODD,
        status="failed",
        experiment=ODD,
        host=ODD,
        versions={ODD: ODD},
        evaluations=[{"split": ODD, "metrics": {ODD: 0.5}, "overrides": [ODD]}],
    )
    assert report(run_dir).text.count(ODD) > 10


@pytest.mark.parametrize(
    ("status", "record", "says"),
    [
        ("failed", {"error": "RuntimeError: out of\nmemory"}, "failed RuntimeError: out of memory"),
        (
            "running",
            {"pid": 2**22 + 1},
            "killed Its process ended without closing its record; continue it: python train.py",
        ),
        ("interrupted", {}, "interrupted It was stopped; continue it: python train.py resume="),
        ("pruned", {}, "pruned A search stopped it early"),
    ],
)
def test_a_run_that_did_not_finish(status: str, record: dict[str, Any], says: str, tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run", status=status, metrics={}, plots=(), epochs=2, **record)
    text = report(run_dir).text
    assert says in text
    assert "2 of 4 epochs" in text
    assert "This run has no plots" in text


def test_missing_files_leave_the_rest(tmp_path: Path) -> None:
    for name in ("config.yaml", "overrides.yaml", "metrics.csv", "train.log", "split.npz", "run.json", "plots"):
        run_dir = keep_run(tmp_path / name)
        path = run_dir / name
        if path.is_dir():
            for file in path.iterdir():
                file.unlink()
        else:
            path.unlink()
        assert len(report(run_dir).text) > 500
    (tmp_path / "empty").mkdir()
    assert "unknown" in report(tmp_path / "empty").text


def test_metrics_that_are_not_numbers(tmp_path: Path) -> None:
    nan = math.nan
    curves = {"train/loss": [0.9, nan, nan], "val/loss": [nan, nan, nan], "val/acc": [0.5, nan, math.inf]}
    page = report(keep_run(tmp_path / "run", curves, metrics={"test/acc": None, "val/acc": "much", "x": [1]}))
    assert "The training diverged: the training loss is not finite from epoch 2 on." in page.text
    assert "test/acc" in page.text


def test_code_that_was_changed_is_part_of_the_page(tmp_path: Path) -> None:
    git = {"commit": "0123456789abcdef", "dirty": True, "changes": "ab"}
    run_dir = keep_run(tmp_path / "run", git=git)
    assert "had changes that were not committed, and were not kept" in report(run_dir).text
    patch = b"diff --git a/x b/x\n-<b>\n+\xff&\n"
    (run_dir / "changes.patch").write_bytes(patch)
    page = report(run_dir)
    assert "git checkout 0123456789abcdef git apply changes.patch python train.py" in page.text
    assert "changes.patch: 1 file changed" in page.text
    assert ("download", "changes.patch") in page.attributes
    (run_dir / "changes.patch").write_bytes(patch * 40_000)
    page = report(run_dir)
    assert "Too large to be part of this page" in page.text


def test_a_resumed_run_names_each_start(tmp_path: Path) -> None:
    resumed = [{"at": "2026-02-01T12:00:00+00:00", "git": {"commit": "fedcba", "dirty": False}}]
    text = report(keep_run(tmp_path / "run", resumed=resumed)).text
    assert "It was resumed at 2026-02-01" in text
    assert "with other code: commit fedcba." in text


def test_evaluations_are_listed(tmp_path: Path) -> None:
    entry = {"at": "2026-02-01T12:00:00+00:00", "split": "val", "checkpoint": "best.ckpt", "metrics": {"val/acc": 0.5}}
    text = report(keep_run(tmp_path / "run", evaluations=[entry, "odd"])).text
    assert "1 later evaluation by eval.py" in text
    assert "val best.ckpt val/acc 0.5000" in text


def test_the_best_epoch_after_overfitting_began_is_named(tmp_path: Path) -> None:
    curves = {
        "train/loss": [0.9 / n for n in range(1, 9)],
        "val/loss": [0.9, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "val/acc": [0.5, 0.6, 0.7, 0.71, 0.72, 0.73, 0.74, 0.73],
    }
    run_dir = keep_run(tmp_path / "run", curves)
    (run_dir / "run.json").write_text(json.dumps(json.loads((run_dir / "run.json").read_text()) | {"metrics": {}}))
    assert "val/acc was best after that all the same: in epoch 7 (0.7400)." in report(run_dir).text


def test_it_does_without_torch_and_matplotlib() -> None:
    program = "import sys, leyden.reports; print({'torch', 'matplotlib', 'lightning', 'polars'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
