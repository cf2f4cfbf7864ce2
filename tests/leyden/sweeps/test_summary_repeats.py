"""leyden.sweeps.summary: what a mean is over, and which command repeats it."""

import csv
import math
from itertools import product
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

from leyden.sweeps.summary import as_table, draw, save, summarize
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep

NOWHERE = {"record": finished(best__val__loss=math.nan)}


def of_folds(fold: int, seed: int, width: int = 1) -> dict[str, Any]:
    """A result whose fold matters much, and whose seed little."""
    loss = fold / 10 + seed / 100 + width
    return {"record": finished(best__val__loss=loss, test__r2=1 - loss)}


def validated(path: Path, broken: dict[tuple[int, int], dict[str, Any]] | None = None, **record: Any) -> Path:
    """Five folds of three seeds."""
    jobs = [
        {"settings": {"data.fold": fold, "seed": seed}, **((broken or {}).get((fold, seed)) or of_folds(fold, seed))}
        for fold, seed in product(range(5), (1, 2, 3))
    ]
    return keep_sweep(path, jobs, **{"constants": ["trainer.max_epochs=30"], **record})


def cells(text: str, row: int = 1) -> list[str]:
    return [cell.strip() for cell in text.splitlines()[1 + row].split("  ") if cell.strip()]


def test_the_deviation_of_a_cross_validation_is_over_its_seeds(tmp_path: Path) -> None:
    summary = summarize(validated(tmp_path / "s"))
    (group,) = summary.groups
    for spread, mean in ((group.values["val/loss"], 1.22), (group.spread("test/r2"), -0.22)):
        assert spread is not None
        assert (spread.mean, spread.std, spread.n) == (pytest.approx(mean), pytest.approx(0.01), 3)
    text = as_table(summary).plain
    assert text.splitlines()[0].endswith("; mean ± standard deviation over seed, of the means over data.fold")
    assert cells(text) == ["1", "1.2200 ± 0.0100", "-0.2200 ± 0.0100", "3×5", "4.2 s"]
    assert summary.rest == []


def test_with_folds_or_seeds_only_the_deviation_is_over_them(tmp_path: Path) -> None:
    for key in ("data.fold", "seed"):
        jobs = [{"settings": {key: n, "a": 1}, "record": finished(val__loss=n / 10)} for n in range(5)]
        summary = summarize(keep_sweep(tmp_path / key, jobs))
        assert summary.groups[0].values["val/loss"].std == pytest.approx(stdev(n / 10 for n in range(5)))
        assert f"; mean ± standard deviation over {key}" in as_table(summary).plain
        assert cells(as_table(summary).plain)[3] == "5"
    jobs = [{"settings": {"data.fold": n, "seed": 1}, "record": finished(val__loss=n / 10)} for n in range(5)]
    spread = summarize(keep_sweep(tmp_path / "one seed", jobs)).groups[0].values["val/loss"]
    assert spread.std == pytest.approx(stdev(n / 10 for n in range(5)))


def test_all_that_repeats_a_cross_validation_makes_its_deviation(tmp_path: Path) -> None:
    jobs = [
        {"settings": {"seed": seed, "data.fold": fold, "data.split_seed": split}, **of_folds(fold, seed, split)}
        for seed, fold, split in product((1, 2), range(5), (1, 2, 3))
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    spread = summary.groups[0].values["val/loss"]
    assert (spread.n, spread.std) == (6, pytest.approx(stdev(s / 100 + t for s in (1, 2) for t in (1, 2, 3))))
    text = as_table(summary).plain
    assert "over seed, data.split_seed, of the means over data.fold" in text
    assert cells(text)[2:] == ["-1.2150 ± 0.8944", "6×5", "4.2 s"]


@pytest.mark.parametrize("broken", [failed("Boom"), NOWHERE])
def test_a_seed_without_a_fold_does_not_count_and_that_is_said(broken: dict[str, Any], tmp_path: Path) -> None:
    summary = summarize(validated(tmp_path / "s", {(4, 2): broken}))
    (group,) = summary.groups
    spread = group.values["val/loss"]
    assert (spread.mean, spread.n) == (pytest.approx(1.22), 2)  # of seeds 1 and 3
    assert len(group.counted) == 10
    text = as_table(summary).plain
    assert "; a seed without all folds is not ranked" in text.splitlines()[0]
    assert cells(text)[3] == "2×5 of 3×5"
    assert [summary.cause(result) for result in summary.rest[1:]] == ["seed=2 has 4 of 5 folds"] * 4
    assert text.count("seed=2 has 4 of 5 folds") == 4
    markdown, table = save(summary)
    assert markdown.read_text().count("seed=2 has 4 of 5 folds") == 4
    with table.open(newline="") as file:
        assert [row["rank"] for row in csv.DictReader(file)] == ["1"] * 10 + [""] * 5


def test_without_a_whole_cross_validation_nothing_is_ranked(tmp_path: Path) -> None:
    summary = summarize(validated(tmp_path / "s", {(4, seed): failed("Boom") for seed in (1, 2, 3)}))
    assert (summary.groups, summary.best, len(summary.rest)) == ([], [], 15)
    assert as_table(summary).plain.count("has 4 of 5 folds") == 12
    assert [path.name for path in draw(summary)[0]] == ["history.png"]


@pytest.mark.parametrize("broken", [failed("Boom"), NOWHERE])
def test_a_cross_validation_of_one_seed_does_not_win_by_a_fold_that_is_missing(
    broken: dict[str, Any], tmp_path: Path
) -> None:
    jobs = [
        {"settings": {"lr": lr, "data.fold": fold}, "record": finished(val__loss=loss)}
        for lr, fold, loss in [(0.1, 0, 0.5), (0.1, 1, 0.9), (0.2, 0, 0.6)]
    ]
    jobs.append({"settings": {"lr": 0.2, "data.fold": 1}, **broken})
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    (group,) = summary.groups
    assert (group.settings, group.values["val/loss"].mean) == ({"lr": 0.1}, pytest.approx(0.7))
    assert [summary.cause(result) for result in summary.rest][1:] == ["its cross-validation has 1 of 2 folds"]
    assert "; one without all folds is not ranked" in as_table(summary).plain.splitlines()[0]


def test_a_run_without_a_fold_is_no_part_of_a_cross_validation(tmp_path: Path) -> None:
    jobs = [{"settings": {"data.fold": f, "seed": s}, **of_folds(f, s)} for f, s in product(range(5), (1, 2))]
    jobs += [{"settings": {"seed": seed}, **of_folds(9, seed)} for seed in (1, 2)]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    assert [(len(group.whole), group.folds) for group in summary.groups] == [(2, 5), (2, 1)]


def test_the_command_of_a_cross_validation_makes_all_of_it(tmp_path: Path) -> None:
    text = as_table(summarize(validated(tmp_path / "s", {(4, 2): failed("Boom")}))).plain
    command = "python train.py -m experiment=mnist_mlp trainer.max_epochs=30 data.fold=0,1,2,3,4 seed=1,2,3"
    assert text.splitlines()[-1] == f"run the best again:  {command}"  # and no test of its best fold
    markdown, _ = save(summarize(tmp_path / "s"))
    assert f"Run the best again:\n\n```bash\n{command}\n```\n" in markdown.read_text()


def test_the_command_takes_values_as_they_were_typed(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [
        {"settings": {"a": 1, "tag": tag}, "overrides": ["++a=1", f"++tag='{tag}'"], "record": finished(val__loss=1.0)}
        for tag in ("x y", "1,2")
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs), ["tag"])
    command = """python train.py -m experiment=mnist_mlp a=1 'tag='"'"'x y'"'"','"'"'1,2'"'"''"""
    assert summary.train_command(summary.groups[0]) == command


def test_the_command_of_a_single_job_has_its_fold_and_its_seed(tmp_path: Path) -> None:
    jobs = [{"settings": {"data.fold": 3, "seed": 2, "a": 1}, "record": finished(val__loss=1.0)}]
    summary = summarize(keep_sweep(tmp_path / "s", jobs))
    lines = as_table(summary).plain.splitlines()
    assert lines[-2] == "run the best again:  python train.py experiment=mnist_mlp data.fold=3 seed=2 a=1"
    assert lines[-1].startswith("test it again:  python eval.py run=")


def test_no_seed_is_recommended(tmp_path: Path) -> None:
    sweep = validated(tmp_path / "s")
    summary = summarize(sweep, ["data.fold"])
    assert [(group.settings, len(group.counted)) for group in summary.groups] == [({"seed": n}, 5) for n in (1, 2, 3)]
    text = as_table(summary)
    why = "none is recommended: they differ in seed, which only repeats a job; without --repeats means are ranked"
    assert text.plain.splitlines()[-1] == why
    assert "green" not in {str(span.style) for span in text.spans}
    markdown, _ = save(summary)
    assert why in markdown.read_text()
    assert "python train.py -m experiment" not in markdown.read_text()
    assert "differ in data.fold and seed" in as_table(summarize(sweep, [])).plain


def test_results_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    jobs = [{"settings": {"a": 1}, "record": finished(best__val__loss=0.5)}, {"settings": {"a": 2}, **NOWHERE}]
    summary = summarize(keep_sweep(tmp_path / "s", [*jobs, {"settings": {"a": 3}, **failed("Boom")}]))
    line = as_table(summary).plain.splitlines()[0]
    assert ": 2 of 3 jobs finished, 1 of them without a finite val/loss, 1 failed; by" in line
    summary = summarize(keep_sweep(tmp_path / "t", jobs))
    assert ": 2 jobs finished, 1 of them without a finite val/loss; by" in as_table(summary).plain


def test_tables_have_six_digits_and_the_rest_all_of_them(tmp_path: Path) -> None:
    lr = 0.030733082617381068
    jobs = [
        {"settings": {"optimizer.lr": lr, "b": [0.1, 1 / 3]}, "record": finished(best__val__loss=0.5)},
        {"settings": {"optimizer.lr": lr / 2, "b": 1}, **failed("Boom")},
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, kind="search"))
    text = as_table(summary).plain
    assert cells(text)[1:3] == ["0.0307331", "[0.1, 0.333333]"]
    assert "failed  optimizer.lr=0.0153665 b=1" in text
    assert f"optimizer.lr={lr} 'b=[0.1, {1 / 3}]'" in text.splitlines()[-2]
    markdown, table = save(summary)
    assert "| 0.0307331 |" in markdown.read_text()
    assert "| 0.0153665 |" in markdown.read_text()
    assert str(lr) in table.read_text()


def test_the_csv_has_the_metrics_of_stages_only(tmp_path: Path) -> None:
    metrics = dict.fromkeys(["train/loss", "val/loss", "best/val/loss", "test/acc", "lr-AdamW/pg1", "epoch"], 1.0)
    jobs = [{"settings": {"a": 1}, "record": finished(**metrics)}]
    _, table = save(summarize(keep_sweep(tmp_path / "s", jobs)))
    heads = table.read_text().splitlines()[0].split(",")
    assert set(metrics) & set(heads) == {"train/loss", "val/loss", "best/val/loss", "test/acc"}
