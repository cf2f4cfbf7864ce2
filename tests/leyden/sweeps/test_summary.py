"""leyden.sweeps.summary: repeats become a mean, and settings are ranked by it."""

import math
from pathlib import Path

import pytest

from leyden.sweeps.summary import as_table, summarize
from leyden.sweeps.summary.ranking import fronts
from leyden.system.errors import UserError
from tests.leyden.helpers.kept_sweeps import finished, keep_sweep


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


def test_other_keys_may_be_repeats_or_none(grid: Path) -> None:
    by_width = summarize(grid, ["model.width", "seed"])
    assert [(*group.settings.values(), len(group.counted)) for group in by_width.groups] == [(0.01, 3), (0.1, 5)]
    assert len(summarize(grid, []).groups) == 8
    with pytest.raises(UserError, match=r"--repeats model.with: is not swept; did you mean --repeats model.width\?"):
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
    assert text.endswith("\nrun the best again:  python train.py -m experiment=mnist_mlp data.fold=1,2,3,4,5")


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
    assert "Pareto fronts of val/acc (highest first) and seconds (lowest first); front 1 is the best" in text
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
