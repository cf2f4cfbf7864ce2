"""leyden.reports.run_files: whole, old, damaged and dead runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from leyden.reports.run_files import read_run
from tests.leyden.helpers.reported_runs import CONFIG, keep_plots, keep_run


def test_a_whole_run(tmp_path: Path) -> None:
    run = read_run(keep_run(tmp_path / "run"))
    assert (run.status, run.experiment, run.monitor, run.mode) == ("finished", "some", "val/acc", "max")
    assert (run.best_epoch, run.best) == (3, 0.75)
    assert run.network == "MLP, 1,234 parameters on cpu"
    assert run.warnings == [("12:00:01", 'classes are <unbalanced> & few\nof "cats"')]
    assert {name: size for name, (size, _) in run.splits.items()} == {"train": 6, "val": 3}
    assert [plot.title for plot in run.plots] == ["Confusion matrix", "Worst predictions"]
    assert run.unread == []


def test_an_empty_directory(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    assert (run.status, run.config, run.overrides, run.plots, run.splits) == ("unknown", {}, [], [], {})
    assert len(run.unread) == 1
    assert "run.json: cannot be read" in run.unread[0]


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", "\x00\xff", "- a: [", "5"])
def test_damaged_files_are_named_and_the_others_read(content: str, tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run")
    for name in ("run.json", "config.yaml", "overrides.yaml", "split.npz", "plots/captions.json", "metrics.csv"):
        (run_dir / name).write_text(content)
    run = read_run(run_dir)
    assert any("run.json" in line for line in run.unread)
    assert any("split.npz" in line for line in run.unread)
    assert all("\n" not in line for line in run.unread)
    assert [plot.title for plot in run.plots] == ["Confusion matrix", "Worst predictions"]
    assert run.network


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    assert read_run(keep_run(tmp_path / "run", status="running", pid=2**22 + 1)).status == "killed"


def test_fingerprints_tell_items_apart_and_not_their_order(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run")

    def fingerprint(*items: int) -> str:
        by = np.array(["pixels"])
        np.savez(run_dir / "split.npz", version=1, identified_by=by, train=np.array(items, np.uint64))
        return read_run(run_dir).splits["train"][1]

    assert fingerprint(1, 2, 3) == fingerprint(3, 1, 2) != fingerprint(1, 2, 4)


def test_figures_without_captions_come_last(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run", plots=["roc", "calibration"])
    (run_dir / "plots" / "a_new_one.png").write_bytes((run_dir / "plots" / "roc.png").read_bytes())
    (run_dir / "plots" / "calibration.png").unlink()
    assert [plot.name for plot in read_run(run_dir).plots] == ["roc", "a_new_one"]


def test_a_caption_names_no_file_elsewhere(tmp_path: Path) -> None:
    keep_plots(tmp_path, ["secret"], "")
    run_dir = keep_run(tmp_path / "run", plots=["roc"])
    entry = {"name": "../../plots/secret", "title": "t", "caption": "c"}
    (run_dir / "plots" / "captions.json").write_text(json.dumps([entry]))
    assert [plot.path.name for plot in read_run(run_dir).plots] == ["roc.png"]


def test_passwords_in_urls_are_masked(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run", overrides=["a=sql://me:secret@host/db"])
    (run_dir / "train.log").write_text("2026-01-31 12:00:00,000 WARNING leyden.a: no sql://me:secret@host/db\n")
    run = read_run(run_dir)
    assert run.overrides == ["a=sql://me:***@host/db"]
    assert run.warnings == [("12:00:00", "no sql://me:***@host/db")]


def test_repeated_and_long_warnings_are_shortened(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run")
    lines = [f"2026-01-31 12:00:0{second},000 WARNING leyden.a: again" for second in range(5)]
    lines += ["2026-01-31 12:00:09,000 ERROR leyden.a: trace", *map(str, range(20))]
    (run_dir / "train.log").write_text("\n".join(lines))
    assert read_run(run_dir).warnings == [("12:00:00", "again"), ("12:00:09", "trace\n0\n1\n2\n3\n4\n…")]


def test_the_mode_of_a_run_without_a_config(tmp_path: Path) -> None:
    run_dir = keep_run(tmp_path / "run", config={**CONFIG, "mode": None}, monitor="val/loss")
    assert read_run(run_dir).mode == "min"
