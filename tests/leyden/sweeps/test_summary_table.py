"""leyden.sweeps.summary: what a terminal shows, and what the files hold."""

import csv
import json
import re
from pathlib import Path

from leyden.sweeps.summary import as_table, save, summarize
from leyden.sweeps.summary.value_text import shown, typed
from leyden.system.formatting import shortened
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep


def test_the_table(grid: Path) -> None:
    lines = as_table(summarize(grid)).plain.splitlines()
    assert lines[0] == (
        "grid of mnist_mlp: 8 of 11 jobs finished, 1 failed, 1 killed, 1 waiting; by val/loss (lowest first); "
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
    assert lines[-2:] == [f"run the best again:  {again}", f"test it again:  python eval.py run={run}"]


def test_a_test_is_not_suggested_where_no_weights_were_kept(grid: Path) -> None:
    """As of a sweep with debug=fast_dev_run."""
    for path in grid.glob("*/checkpoints/*.ckpt"):
        path.unlink()
    told = as_table(summarize(grid), None)
    assert "run the best again:" in str(told)
    assert "eval.py" not in str(told)


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

    def rows(width: int | None) -> list[str]:
        lines = as_table(summary, width).plain.splitlines()
        return lines[next(number for number, line in enumerate(lines) if line.startswith("rank")) :]

    assert rows(200)[0].split() == rows(None)[0].split()
    for width, heads in (
        (75, ["rank", "lr", "width", "val/loss", "test/acc", "runs", "time/job"]),
        (60, ["rank", "lr", "width", "val/loss", "runs", "time/job"]),
        (40, ["rank", "lr", "width", "val/loss"]),
        (10, ["rank", "lr", "width", "val/loss"]),
    ):
        table = rows(width)[:4]
        assert table[0].split() == heads
        assert width == 10 or all(len(line) <= width for line in table)
        assert width < 40 or max(map(len, as_table(summary, width).plain.partition("rank")[0].splitlines())) <= width


def test_long_tables_are_cut_and_say_so(tmp_path: Path) -> None:
    jobs = [{"settings": {"a": n}, "record": finished(val__loss=n)} for n in range(1, 31)]
    jobs += [{"settings": {"a": -n}, **failed("Boom")} for n in range(1, 24)]
    summary = summarize(keep_sweep(tmp_path / "many", jobs))
    text = as_table(summary).plain
    assert f"… and 10 more; python scripts/summarize.py {tmp_path}/many --all\n" in text
    assert "… and 3 more" in text
    assert "more;" not in as_table(summary, limit=None).plain


def test_a_sweep_that_has_only_begun(tmp_path: Path) -> None:
    summary = summarize(keep_sweep(tmp_path / "s", [], swept=["optimizer.lr"]))
    assert as_table(summary, 80).plain == "grid of mnist_mlp: 0 jobs finished; by val/loss (lowest first)"
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
    command = "python train.py experiment=mnist_cnn '~callbacks.summary' optimizer.lr=0.1 seed=2 'model.channels=[1,2]'"
    assert summary.train_command(summary.groups[0]) == command
    jobs = [{"settings": {"n": 1, "t": "a b"}, "overrides": [], "record": finished(val__loss=1.0)}]
    summary = summarize(keep_sweep(tmp_path / "t", jobs, constants=[]))
    assert summary.train_command(summary.groups[0]) == "python train.py experiment=mnist_mlp n=1 't=\"a b\"'"


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
