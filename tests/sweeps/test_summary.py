"""leyden.sweeps.summary: sweeps whose directories were written by hand."""

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from leyden.errors import UserError
from leyden.sweeps.summary import as_table, find_sweep, save, summarize
from leyden.sweeps.summary.ranking import fronts
from leyden.sweeps.summary.texts import shortened, shown, typed
from tests.kept_sweeps import failed, finished, keep_sweep


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Two learning rates and two widths with three seeds each; one job failed, one was killed, one never began."""
    losses = {(0.1, 32): [0.3, 0.5, 0.4], (0.1, 64): [0.25, None, 0.35], (0.01, 32): [0.2, 0.2, 0.2]}
    jobs = [
        {"settings": {"optimizer.lr": lr, "model.width": width, "seed": seed}}
        | ({"record": finished(best__val__loss=loss, val__loss=9.0, test__acc=1 - loss)} if loss else failed("Boom: x"))
        for (lr, width), found in losses.items()
        for seed, loss in enumerate(found, start=1)
    ]
    jobs += [{"settings": {"optimizer.lr": 0.01, "model.width": 64, "seed": 1}, "record": finished("running")}]
    jobs += [{"settings": {"optimizer.lr": 0.01, "model.width": 64, "seed": 2}, "status": "waiting"}]
    return keep_sweep(tmp_path / "grid", jobs, constants=["trainer.max_epochs=3", "sweep.name=grid"])


def test_repeats_become_a_mean_and_groups_are_ranked(grid: Path) -> None:
    summary = summarize(grid)
    assert (summary.swept, summary.repeats) == (["optimizer.lr", "model.width"], ["seed"])
    told = [(group.place, *group.settings.values(), len(group.counted), len(group.results)) for group in summary.groups]
    assert told == [(1, 0.01, 32, 3, 3), (2, 0.1, 64, 2, 3), (3, 0.1, 32, 3, 3)]
    first, second, third = (group.values["val/loss"] for group in summary.groups)  # of the best epoch, not the last
    assert (first.mean, first.std) == (pytest.approx(0.2), pytest.approx(0, abs=1e-15))
    assert (second.mean, second.std, second.n) == (pytest.approx(0.3), pytest.approx(0.05 * math.sqrt(2)), 2)
    assert (third.mean, third.std, third.n) == (pytest.approx(0.4), pytest.approx(0.1), 3)
    accuracy = summary.groups[2].spread("test/acc")
    assert accuracy is not None
    assert (accuracy.mean, accuracy.std) == (pytest.approx(0.6), pytest.approx(0.1))


def test_what_is_not_ranked_stands_at_the_end_with_its_cause(grid: Path) -> None:
    rest = summarize(grid).rest
    assert [(result.status, result.error) for result in rest] == [
        ("failed", "Boom: x"),
        ("killed", None),  # its record says running, and nobody is
        ("waiting", None),
    ]


def test_the_table(grid: Path) -> None:
    lines = as_table(summarize(grid)).plain.splitlines()
    assert lines[0] == (
        "grid of mnist_mlp: 8 of 11 jobs finished, 1 failed, 1 killed, 1 waiting; by val/loss (least first); "
        "mean ± standard deviation over seed"
    )
    heads = ["rank", "optimizer.lr", "model.width", "val/loss", "test/acc", "runs", "time of a job"]
    assert re.split("  +", lines[1]) == heads
    assert " ".join(lines[2].split()) == "1 0.01 32 0.2000 ± 0.0000 0.8000 ± 0.0000 3 4.2 s"
    assert " ".join(lines[3].split()) == "2 0.1 64 0.3000 ± 0.0707 0.7000 ± 0.0707 2 of 3 4.2 s"
    assert lines[6:9] == [
        "not ranked",
        "failed  optimizer.lr=0.1 model.width=64 seed=2   Boom: x",
        "killed  optimizer.lr=0.01 model.width=64 seed=1  after 3 epochs",
    ]
    assert lines[9] == "1 waiting"
    run = f"{grid}/model.width=32,optimizer.lr=0.01,seed=1"
    again = "python train.py -m experiment=mnist_mlp trainer.max_epochs=3 optimizer.lr=0.01 model.width=32 seed=1,2,3"
    assert lines[-2:] == [f"the best again:  {again}", f"its test again:  python eval.py run={run}"]


def test_a_long_cause_is_cut_on_a_terminal_and_whole_in_the_files(tmp_path: Path) -> None:
    cause = "memory " * 99 + "error"
    summary = summarize(keep_sweep(tmp_path / "s", [{"settings": {"a": 1}, **failed(cause)}]))
    text = as_table(summary)
    assert max(map(len, text.plain.splitlines())) < 250
    assert text.plain.endswith("memory error")
    assert all(cause in path.read_text() for path in save(summary))
    assert {str(span.style) for span in text.spans} == {"bold", "red"}
    assert str(text.style) == ""


def test_a_narrow_terminal_keeps_ranks_settings_and_objectives(grid: Path) -> None:
    summary = summarize(grid)
    wide = as_table(summary, 200).plain.splitlines()[1].split()
    assert wide == as_table(summary, None).plain.splitlines()[1].split()
    for width, heads in (
        (75, ["rank", "lr", "width", "val/loss", "test/acc", "runs", "time/job"]),
        (60, ["rank", "lr", "width", "val/loss", "runs", "time/job"]),
        (40, ["rank", "lr", "width", "val/loss"]),
        (10, ["rank", "lr", "width", "val/loss"]),
    ):
        table = as_table(summary, width).plain.splitlines()[1:5]
        assert table[0].split() == heads
        assert width == 10 or all(len(line) <= width for line in table)


def test_long_tables_are_cut_and_say_so(tmp_path: Path) -> None:
    jobs = [{"settings": {"a": n}, "record": finished(val__loss=n)} for n in range(1, 31)]
    jobs += [{"settings": {"a": -n}, **failed("Boom")} for n in range(1, 24)]
    summary = summarize(keep_sweep(tmp_path / "many", jobs))
    text = as_table(summary).plain
    assert f"… and 10 more; python scripts/summarize.py {tmp_path}/many --all\n" in text
    assert "… and 3 more" in text
    assert "more;" not in as_table(summary, limit=None).plain


def test_other_keys_may_be_repeats_or_none(grid: Path) -> None:
    by_width = summarize(grid, ["model.width", "seed"])
    assert [(*group.settings.values(), len(group.counted)) for group in by_width.groups] == [(0.01, 3), (0.1, 5)]
    assert len(summarize(grid, []).groups) == 8
    with pytest.raises(UserError, match=r"--repeats model.with: is not swept; did you mean model.width\?"):
        summarize(grid, ["model.with"])


def test_a_cross_validation_is_one_row(tmp_path: Path) -> None:
    jobs = [{"settings": {"data.fold": n}, "record": finished(test__r2=n / 10, best__val__loss=n)} for n in range(1, 6)]
    summary = summarize(keep_sweep(tmp_path / "folds", jobs))
    assert summary.swept == []
    (group,) = summary.groups
    spread = group.spread("test/r2")
    assert spread is not None
    assert (spread.mean, spread.std, spread.n) == (pytest.approx(0.3), pytest.approx(math.sqrt(0.025)), 5)
    text = as_table(summary).plain
    assert "over data.fold; the mean is the result of the cross-validation" in text
    assert text.endswith("\nthe best again:  python train.py -m experiment=mnist_mlp data.fold=1,2,3,4,5")


def test_equal_ones_share_a_rank_and_large_may_be_good(tmp_path: Path) -> None:
    values = {"a": 0.5, "b": 0.9, "c": 0.9, "d": 0.1}
    jobs = [{"settings": {"name": name}, "record": finished(val__acc=value)} for name, value in values.items()]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max"}))
    assert [(group.place, group.settings["name"]) for group in summary.groups] == [
        (1, "b"),
        (1, "c"),
        (3, "a"),
        (4, "d"),
    ]


def test_several_objectives_are_ranked_by_pareto_front(tmp_path: Path) -> None:
    points = {"a": (0.9, 10), "b": (0.8, 5), "c": (0.7, 7), "d": (0.95, 20), "e": (0.6, 30), "f": (0.7, 7)}
    jobs = [
        {"settings": {"name": name}, "record": {**finished(best__val__acc=acc), "seconds": seconds}}
        for name, (acc, seconds) in points.items()
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max", "seconds": "min"}))
    assert [(group.place, group.settings["name"]) for group in summary.groups] == [
        (1, "d"),
        (1, "a"),
        (1, "b"),
        (2, "c"),
        (2, "f"),
        (3, "e"),
    ]
    assert [group.settings["name"] for group in summary.best] == ["d", "a", "b"]
    text = as_table(summary).plain
    assert "Pareto fronts of val/acc (most first) and seconds (least first); those of front 1 are the best" in text
    assert text.splitlines()[1].split()[:2] == ["front", "name"]


def test_fronts_of_a_chain_of_points() -> None:
    assert fronts([(float(n), float(n)) for n in range(300)]) == list(range(1, 301))
    assert fronts([(1, 2), (2, 1), (2, 2), (1, 2), (3, 3)]) == [1, 1, 2, 1, 3]
    assert fronts([]) == []


@pytest.mark.parametrize(("value", "cause"), [(float("nan"), "val/loss is nan"), (None, "has no val/loss")])
def test_a_result_that_is_no_number_is_not_ranked(value: float | None, cause: str, tmp_path: Path) -> None:
    record = finished() if value is None else finished(best__val__loss=value)
    jobs = [{"settings": {"lr": 1, "seed": 1}, "record": record}]
    jobs += [{"settings": {"lr": 1, "seed": 2}, "record": finished(best__val__loss=0.5)}]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    assert [len(group.counted) for group in summary.groups] == [1]
    assert [result.cause(summary.objectives) for result in summary.rest] == [cause]


def test_directories_are_believed_and_where_there_is_none_the_sweep_is(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [
        {"settings": {"n": 1}, "status": "running", "record": finished(best__val__loss=0.5)},
        {"settings": {"n": 2}, "status": "finished", "values": {"val/loss": 0.25}},  # its directory was deleted
        {"settings": {"n": 3}, "status": "running"},
        {"settings": {"n": 4}, "status": "failed", "error": "killed by SIGKILL", "record": finished("running")},
        {"settings": {"n": 5}, "status": "running", "record": finished("pruned", val__loss=0.75)},
    ]
    sweep = keep_sweep(tmp_path / "s", jobs, status="running")
    summary = summarize(sweep)
    assert [(group.settings["n"], group.values["val/loss"].mean) for group in summary.groups] == [(2, 0.25), (1, 0.5)]
    told = [(r.settings["n"], r.status, r.cause(summary.objectives)) for r in summary.rest]
    assert told == [
        (3, "killed", ""),
        (4, "killed", "killed by SIGKILL"),
        (5, "pruned", "after 3 epochs, val/loss 0.75"),
    ]
    assert "; killed: the same command goes on; " in as_table(summary).plain
    with FileLock(sweep / ".lock"):
        summary = summarize(sweep)
        assert "; not yet over: it goes on; " in as_table(summary).plain
        assert [result.status for result in summary.rest] == ["killed", "running", "pruned"]


def test_what_is_damaged_is_told_in_a_line_or_gone_without(tmp_path: Path) -> None:
    sweep = keep_sweep(tmp_path / "s", [{"settings": {"n": 1}, "record": finished(best__val__loss=0.5)}])
    (sweep / "n=1" / "run.json").write_text('{"status": "fin')
    assert summarize(sweep).rest == []  # sweep.json knows that it finished, and with what
    for content in ("", "[]", "{}", '{"jobs": 1}', '{"jobs": [', "\0", "[" * 100_000):
        (sweep / "sweep.json").write_text(content)
        with pytest.raises(UserError, match=r"sweep.json: (cannot be read|is no record of a sweep)") as refused:
            summarize(sweep)
        assert "\n" not in str(refused.value)
    odd: list[Any] = [1, None, {}, {"name": 3}, {"name": "n=1"}, {"name": "x", "settings": 1, "overrides": "a"}]
    odd += [{"name": "y", "settings": {"n": 1}, "status": 7, "values": [], "epochs": "3", "trial": True, "error": {}}]
    for more in ({}, {"swept": "n", "objectives": {"val/loss": "sideways", "x": 1}, "constants": 3, "git": "a"}):
        (sweep / "sweep.json").write_text(json.dumps({"jobs": odd, "status": ["?"], **more}))
        summary = summarize(sweep)
        assert summary.warnings == [f"{sweep}: 4 jobs without a name are left out"]
        assert [result.name for result in summary.results] == ["n=1", "x", "y"]
        save(summary)
        assert as_table(summary, 40).plain


def test_what_counts_is_found_in_the_jobs_where_the_sweep_does_not_say_it(tmp_path: Path) -> None:
    sweep = keep_sweep(tmp_path / "s", [{"settings": {"n": 1}, "record": finished(val__f1=0.5)}], objectives=None)
    (sweep / "n=1" / "config.yaml").write_text("monitor: val/f1\nmode: max\n")
    assert summarize(sweep).objectives == {"val/f1": "max"}
    (sweep / "n=1" / "config.yaml").unlink()
    summary = summarize(sweep)
    assert summary.objectives == {}
    assert "not ranked: it is not recorded what counts" in as_table(summary).plain
    assert "the best again" not in as_table(summary).plain


def test_a_sweep_that_has_only_begun(tmp_path: Path) -> None:
    summary = summarize(keep_sweep(tmp_path / "s", [], swept=["optimizer.lr"]))
    assert as_table(summary, 80).plain == "grid of mnist_mlp: 0 jobs finished; by val/loss (least first)"
    assert [path.name for path in save(summary)] == ["summary.md", "summary.csv"]


ODD = {
    "a.list": [16, [32, 64]],
    "a.dict": {"output": 10, "x": None},
    "a.none": None,
    "a.true": True,
    "a.pipe": "x|y *z* $5 <b>\\",
    "a.long": "long" * 40,
    "a.wide": "数字" * 20,
    "a.float": 0.30000000000000004,
    "a.lines": "one\ntwo",
}


def test_odd_settings_are_shown_and_complete_in_the_files(tmp_path: Path) -> None:
    jobs = [{"settings": ODD, "record": finished(best__val__loss=0.1 + 0.2, val__x=float("nan"))}]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    row = as_table(summary, 400).plain.splitlines()[2]
    assert row.split("  ")[1:3] == [" 1", "[16, [32, 64]]"]
    assert "  {output: 10, x: null}    null  true    x|y *z* $5 <b>\\  longlong" in row
    assert "longlonglonglong…" in row
    assert "one two" in row
    markdown, table = save(summary)
    text = markdown.read_text()
    cells = next(line for line in text.splitlines() if line.startswith("| 1 |"))
    assert "x\\|y \\*z\\* $5 \\<b\\>\\\\ | " + "long" * 40 in cells
    assert cells.replace("\\\\", "").replace("\\|", "").count("|") == 1 + 1 + len(ODD) + 2
    with table.open(newline="") as file:
        (found,) = csv.DictReader(file)
    assert found["rank"] == "1"
    assert {key: found[key] if isinstance(ODD[key], str) else json.loads(found[key]) for key in ODD} == ODD
    assert float(found["objective/val/loss"]) == float(found["best/val/loss"]) == 0.1 + 0.2
    assert (found["val/x"], found["epochs"], found["trial"]) == ("nan", "3", "")


def test_the_csv_has_a_row_for_each_job(grid: Path) -> None:
    _, table = save(summarize(grid))
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1"] * 3 + ["2"] * 2 + ["3"] * 3 + [""] * 3
    assert [row["status"] for row in rows[-3:]] == ["failed", "killed", "waiting"]
    assert [row["seed"] for row in rows] == ["1", "2", "3", "1", "3", "1", "2", "3", "2", "1", "2"]
    assert rows[8]["cause"] == "Boom: x"
    assert rows[0]["val/loss"] == "9.0"


def test_the_command_is_that_of_one_run_and_safe_in_a_shell(tmp_path: Path) -> None:
    overrides = ["experiment=mnist_cnn", "++optimizer.lr=0.1", "seed=2", "model.channels=[1,2]", "hydra/launcher=local"]
    jobs = [{"settings": {"seed": 2}, "overrides": overrides, "record": finished(val__loss=1.0)}]
    constants = ["experiment=mnist_cnn", "sweep=tpe", "sweep.n_trials=9", "hydra.sweep.dir=x", "~callbacks.summary"]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, constants=constants))
    command = "python train.py experiment=mnist_cnn '~callbacks.summary' optimizer.lr=0.1 'model.channels=[1,2]'"
    assert summary.train_command(summary.groups[0]) == command
    jobs = [{"settings": {"n": 1, "t": "a b"}, "overrides": [], "record": finished(val__loss=1.0)}]
    summary = summarize(keep_sweep(tmp_path / "t", jobs, constants=[]))
    assert summary.train_command(summary.groups[0]) == "python train.py experiment=mnist_mlp n=1 't=\"a b\"'"


def test_the_newest_sweep_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="last: there is no sweep in logs yet"):
        find_sweep("last")
    keep_sweep(Path("logs/a/sweeps/old"), [], started="2026-01-01T00:00:00+00:00")
    keep_sweep(Path("logs/b/sweeps/new"), [], started="2026-01-02T00:00:00+05:00")
    keep_sweep(Path("logs/c/sweeps/mid"), [], started="2026-01-01T18:30:00+00:00")
    assert find_sweep("last") == Path("logs/b/sweeps/new")
    assert find_sweep("logs/a/sweeps/old/sweep.json") == Path("logs/a/sweeps/old")
    Path("logs/d").mkdir()
    with pytest.raises(UserError, match=r"logs/d: is no sweep, it has no sweep.json; python scripts/runs.py logs/d "):
        find_sweep("logs/d")
    with pytest.raises(UserError, match=r"sweep.json; the newest below it: logs/a/sweeps/old$"):
        find_sweep("logs/a")
    for day in range(1, 5):
        keep_sweep(Path(f"logs/d/sweeps/{day}"), [], started=f"2025-01-0{day}T00:00:00+00:00")
    named = "logs/b/sweeps/new, logs/c/sweeps/mid, logs/a/sweeps/old, logs/d/sweeps/4, logs/d/sweeps/3 and 2 more"
    with pytest.raises(UserError, match=f"logs: is no sweep, it has no sweep.json; the newest below it: {named}$"):
        find_sweep("logs")
    with pytest.raises(UserError, match="nowhere: there is no such directory"):
        find_sweep("nowhere")


def test_texts() -> None:
    assert [shown(value) for value in (1e-05, 0.1, True, None, "null", [None, "a"])] == [
        "1e-05",
        "0.1",
        "true",
        "null",
        "null",
        "[null, a]",
    ]
    assert [typed(value) for value in ("adam", "a b", 'a"b\\', [1, 2])] == ["adam", '"a b"', '"a\\"b\\\\"', "[1, 2]"]
    assert shortened("0123456789", 7) == "012…789"
