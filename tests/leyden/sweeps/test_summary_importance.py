"""leyden.sweeps.summary: how much of the differences each setting explains."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from leyden.sweeps.summary import Summary, summarize
from leyden.sweeps.summary.importance import (
    INTERACTIONS,
    NOISE,
    NothingToPlotError,
    importance,
    is_complete,
    spans_decades,
)
from leyden.sweeps.summary.plots import importance_bars
from tests.leyden.helpers.kept_sweeps import finished, keep_sweep
from tests.leyden.sweeps.drawn_sweeps import grid, of_few, searched


def title(summary: Summary) -> str:
    return importance_bars(summary).axes[0].get_title()


@pytest.mark.parametrize("kind", ["grid", "search"])
def test_one_setting_is_not_compared_with_itself(kind: str, tmp_path: Path) -> None:
    jobs = [{"settings": {"a": n, "b": 1}, "record": finished(val__loss=n)} for n in range(6)]
    with pytest.raises(NothingToPlotError, match="there is only one setting to compare"):
        importance(summarize(keep_sweep(tmp_path / "s", jobs, kind=kind)), "val/loss")


def test_the_variance_of_a_grid_is_decomposed(tmp_path: Path) -> None:
    def shares(summary: Summary) -> dict[str, float]:
        return {key: round(share, 6) for key, share in importance(summary, "val/loss").items()}

    assert shares(summarize(grid(tmp_path / "a"))) == {"a": 0.8, "b": 0.2, INTERACTIONS: 0.0, NOISE: 0.0}
    assert shares(summarize(grid(tmp_path / "b", noise=5**0.5))) == {"a": 0.4, "b": 0.1, INTERACTIONS: 0.0, NOISE: 0.5}
    jobs = [{"settings": {"a": a, "b": b}, "record": finished(val__loss=a * b)} for a, b in product((-1, 1), (-1, 1))]
    assert shares(summarize(keep_sweep(tmp_path / "c", jobs))) == {"a": 0.0, "b": 0.0, INTERACTIONS: 1.0}


def test_shares_add_up_where_a_grid_is_complete(tmp_path: Path) -> None:
    assert is_complete(summarize(grid(tmp_path / "a")))
    for absent in (0, 2):  # one repeat, one whole group
        jobs: list[dict[str, Any]] = [
            {"settings": {"a": a, "b": b, "seed": seed}, "record": finished(val__loss=a + b)}
            for a, b, seed in product((0, 1), (0, 1), (0, 1))
        ]
        keep_sweep(tmp_path / f"{absent}", jobs[max(1, absent) :])
        assert not is_complete(summarize(tmp_path / f"{absent}"))


def test_the_importance_of_a_search_is_that_of_its_best_trials(tmp_path: Path) -> None:
    shares = importance(summarize(searched(tmp_path / "s")), "val/acc")
    assert set(shares) == {"a", "b", "kind", "c"}
    assert max(shares, key=lambda key: shares[key]) == "a"
    assert sum(shares.values()) == pytest.approx(1)


def test_settings_that_only_some_trials_have_count_too(tmp_path: Path) -> None:
    many = summarize(of_few(tmp_path / "many", 60))
    assert set(importance(many, "val/loss")) == {"lr", "opt", "m"}
    assert importance(many, "val/loss")["m"] > 0
    lone = [{"settings": {"m": n} if n < 3 else {}, "record": finished(val__loss=n)} for n in range(4)]
    with pytest.raises(NothingToPlotError, match="there is only one setting to compare"):
        importance(summarize(keep_sweep(tmp_path / "lone", lone, kind="search")), "val/loss")
    same = [{"settings": {"m": 1, "seed": n}, "record": finished(val__loss=n)} for n in range(4)]
    with pytest.raises(NothingToPlotError, match="no setting differs between jobs"):
        importance(summarize(keep_sweep(tmp_path / "same", same, kind="search")), "val/loss")


def test_few_results_are_called_a_hint(tmp_path: Path) -> None:
    assert title(summarize(of_few(tmp_path / "few", 8))).endswith(
        "(PED-ANOVA over 8 trials)\nfew results: a hint at most"
    )
    assert title(summarize(of_few(tmp_path / "many", 60))).endswith("(PED-ANOVA over 60 trials)")
    assert "few results: a hint at most" in title(summarize(of_few(tmp_path / "grid", 8, "grid")))
    assert "few results: a hint" in title(summarize(of_few(tmp_path / "tens", 49)))
    assert "few results" not in title(summarize(of_few(tmp_path / "ten", 10, "grid")))


def test_scales() -> None:
    assert spans_decades([1e-4, 1e-3, 1e-2])
    assert not spans_decades([n / 100 for n in range(1, 60)])  # a ratio of 59, and evenly apart
    assert not spans_decades([32, 64, 128, 256][:2])
    assert not spans_decades([-1, 1, 100])
    assert not spans_decades([0, 1, 100])
