"""leyden.sweeps.summary: what is told of jobs that are not as the sweep, or its table, would have them."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from leyden.records.record import write_record
from leyden.sweeps.summary import as_table, results, save, summarize
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep

HERE = socket.gethostname()


def running(sweep: Path, **record: Any) -> Path:
    """A sweep that was killed, of one job whose directory somebody keeps locked."""
    return keep_sweep(sweep, [{"settings": {"n": 1}, "record": finished("running") | record}], status="running")


def ended() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


@pytest.mark.parametrize(
    ("host", "is_there", "status"),
    [(HERE, True, "running"), ("elsewhere", False, "running"), (HERE, False, "killed")],
)
def test_a_job_of_a_killed_sweep_runs_where_its_process_does(
    host: str, is_there: bool, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_DYING", 0.0)
    sweep = running(tmp_path / "s", host=host, pid=os.getpid() if is_there else ended())
    with FileLock(sweep / "n=1" / ".lock"):  # where its process is gone, by one that it had begun
        text = as_table(summarize(sweep)).plain
        assert f"0 of 1 job finished, 1 {status}; killed: repeat the command to resume" in text
        assert f"\n{status}  n=1  after 3 epochs" in text
        with FileLock(sweep / ".lock"):
            assert [result.status for result in summarize(sweep).results] == ["running"]


def test_a_job_that_is_about_to_end_with_its_sweep_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = running(tmp_path / "s", host=HERE, pid=os.getpid())
    held = FileLock(sweep / "n=1" / ".lock")
    monkeypatch.setattr(results, "_DYING", 60.0)
    monkeypatch.setattr(results, "sleep", lambda seconds: held.release())
    with held:
        assert [result.status for result in summarize(sweep).results] == ["killed"]


def test_a_job_that_was_gone_on_with_by_itself_is_told_of(tmp_path: Path) -> None:
    jobs = [{"settings": {"seed": n}, "record": finished(val__loss=n) | {"resumed": [{"at": "…"}]}} for n in range(7)]
    jobs[6]["record"] = finished(val__loss=6.0)  # never gone on with
    sweep = keep_sweep(tmp_path / "s", jobs)
    own = ["experiment=mnist_mlp", "seed="]

    def keep(seed: int, *more: str) -> None:
        texts = [own[0], f"{own[1]}{seed}", *more]
        (sweep / f"seed={seed}" / "overrides.yaml").write_text(yaml.safe_dump(texts))

    keep(0)  # by the sweep itself
    keep(1, "++trainer.max_epochs=5", "trainer=cpu")
    (sweep / "seed=2" / "overrides.yaml").write_text("[a, ")
    (sweep / "seed=3" / "overrides.yaml").write_text("7")
    (sweep / "seed=4" / "overrides.yaml").write_text(yaml.safe_dump(["seed=9", *own, "trainer.max_epochs=5"]))
    keep(6, "trainer.max_epochs=5")
    summary = summarize(sweep)
    warning = f"{sweep}/seed=1: was resumed by hand: trainer.max_epochs=5 trainer=cpu"
    assert summary.warnings == [warning]
    assert as_table(summary).plain.splitlines()[-1] == f"warning: {warning}"
    markdown, _ = save(summary)
    assert f"- warning: {warning}".replace("_", "\\_") in markdown.read_text().splitlines()


def test_what_hydra_is_told_is_no_setting_of_a_run_that_is_gone_on_with(tmp_path: Path) -> None:
    record = finished(val__loss=1.0) | {"resumed": [{}]}
    overrides = ["experiment=mnist_mlp", "hydra/job_logging=none", "seed=1"]
    sweep = keep_sweep(tmp_path / "s", [{"settings": {"seed": 1}, "overrides": overrides, "record": record}])
    kept = ["experiment=mnist_mlp", "seed=1", "trainer.max_epochs=5"]
    (sweep / "seed=1" / "overrides.yaml").write_text(yaml.safe_dump(kept))
    assert summarize(sweep).warnings == [f"{sweep}/seed=1: was resumed by hand: trainer.max_epochs=5"]


def test_experiments_may_be_swept_and_may_monitor_something_else(tmp_path: Path) -> None:
    records = {
        "mnist_linear": finished(best__val__acc=0.9) | {"monitor": "val/acc"},
        "csv_linear": finished(best__val__rmse=5.1231) | {"monitor": "val/rmse"},
    }
    jobs = [{"settings": {"experiment": name}, "record": record} for name, record in records.items()]
    sweep = keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max"}, experiment="mnist_linear")
    summary = summarize(sweep)
    text = as_table(summary).plain
    assert text.startswith("grid over experiment: 2 jobs finished, 1 of them without a finite val/acc; by val/acc")
    cause = "has no val/acc; its best val/rmse is 5.1231"
    assert f"finished  experiment=csv_linear  {cause}" in text.splitlines()
    assert all(cause in path.read_text() for path in save(summary))
    write_record(sweep / "experiment=csv_linear", finished() | {"monitor": "val/rmse"})
    assert "has no val/acc\n" in as_table(summarize(sweep)).plain


def test_jobs_that_wait_are_counted(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [{"settings": {"a": n}} for n in range(27)]
    summary = summarize(keep_sweep(tmp_path / "waiting", jobs))
    assert as_table(summary).plain.splitlines()[1:] == ["27 waiting"]
    jobs += [{"settings": {"a": n}, **failed("Boom")} for n in range(30, 52)]
    jobs += [{"settings": {"a": 99}, "record": finished(val__loss=1.0)}]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    lines = as_table(summary).plain.splitlines()
    start = lines.index("not ranked")
    assert lines[start + 1 : start + 4 : 2] == ["failed  a=30  Boom", "failed  a=32  Boom"]
    assert lines[start + 21].startswith("… and 2 more; ")
    assert lines[start + 22 : start + 24] == ["27 waiting", ""]
    assert all(path.read_text().count("waiting") >= 27 for path in save(summary))


def test_which_of_the_first_front_is_run_again_is_told(tmp_path: Path) -> None:
    points = {"a": (0.9, 10), "b": (0.8, 5), "c": (0.7, 20)}
    jobs = [
        {"settings": {"name": name}, "record": {**finished(best__val__acc=acc), "seconds": seconds}}
        for name, (acc, seconds) in points.items()
    ]
    objectives = {"val/acc": "max", "seconds": "min"}
    summary = summarize(keep_sweep(tmp_path / "s", jobs, objectives=objectives))
    again = "run the best of front 1 by val/acc again:  python train.py experiment=mnist_mlp 'name=\"a\"'"
    assert again.replace('"', "").replace("'", "") in as_table(summary).plain.replace('"', "").replace("'", "")
    assert "\nRun the best of front 1 by val/acc again, and test it:\n" in save(summary)[0].read_text()
    lone = summarize(keep_sweep(tmp_path / "t", [jobs[0], jobs[2]], objectives=objectives))
    assert "\nrun the best again:  python" in as_table(lone).plain


def test_a_time_is_told_to_be_that_of_a_job_where_there_are_several(tmp_path: Path) -> None:
    for key, head in (("seed", "time of a job"), ("a", "time")):
        jobs = [{"settings": {key: n}, "record": finished(val__loss=n)} for n in range(3)]
        summary = summarize(keep_sweep(tmp_path / key, jobs))
        assert as_table(summary).plain.splitlines()[1].endswith(f"  {head}")
