"""leyden.sweeps.summary: plots, and what they show."""

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leyden.sweeps.summary import draw, summarize
from leyden.sweeps.summary.history_plot import history
from leyden.sweeps.summary.parallel_plot import axis_of, parallel
from tests.leyden.helpers.kept_sweeps import failed, finished, keep_sweep
from tests.leyden.sweeps.drawn_sweeps import grid, of_few, searched

NAMES = ["history.png", "parallel.png", "importance.png"]


def colours(path: Path) -> int:
    return len(np.unique(np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3), axis=0))


def labels(axes: Any) -> list[str]:
    return sorted(axes.get_legend_handles_labels()[1])


def heights(values: list[Any]) -> list[float]:
    return [round(height, 3) for height in axis_of("x", values).heights]


@pytest.mark.parametrize("kind", ["grid", "search"])
def test_plots_are_made_and_not_blank(kind: str, tmp_path: Path) -> None:
    summary = summarize({"grid": grid, "search": searched}[kind](tmp_path / "s"))
    made, why_not = draw(summary)
    assert why_not is None
    assert [path.name for path in made] == NAMES
    for path in made:
        assert colours(path) > 50
        assert min(Image.open(path).size) > 200
    assert sorted(path.name for path in summary.dir.glob("*.png")) == sorted(NAMES)


def test_several_objectives(tmp_path: Path) -> None:
    jobs = [
        {"settings": {"a": n, "b": n % 3}, "record": {**finished(val__acc=n), "seconds": n % 5}} for n in range(1, 12)
    ]
    summary = summarize(keep_sweep(tmp_path / "s", jobs, objectives={"val/acc": "max", "seconds": "min"}))
    assert [path.name for path in draw(summary)[0]] == NAMES


def test_where_there_is_little_to_show_there_are_fewer_plots(tmp_path: Path) -> None:
    def drawn(name: str, jobs: list[dict[str, Any]]) -> tuple[list[str], str | None]:
        made, why_not = draw(summarize(keep_sweep(tmp_path / name, jobs)))
        return [path.name for path in made], why_not

    too_few = ([], "no plots: they need two jobs with a result")
    assert drawn("none", []) == too_few
    assert drawn("one", [{"settings": {"a": 1}, "record": finished(val__loss=1.0)}]) == too_few
    failures: list[dict[str, Any]] = [{"settings": {"a": n}, **failed("Boom")} for n in range(3)]
    assert drawn("failed", failures) == too_few
    folds = [{"settings": {"data.fold": n}, "record": finished(val__loss=n)} for n in range(5)]
    repeats_only = "no parallel.png and importance.png: nothing but repeats is swept"
    assert drawn("folds", folds) == (["history.png"], repeats_only)
    equal = [{"settings": {"a": n}, "record": finished(val__loss=1.0)} for n in range(5)]
    same = "no importance.png: val/loss is the same in all jobs"
    assert drawn("equal", equal) == (["history.png", "parallel.png"], same)
    three = [{"settings": {"a": n}, "record": finished(val__loss=n)} for n in range(3)]
    few = "no importance.png: fewer than 4 jobs have a result"
    assert drawn("three", three) == (["history.png", "parallel.png"], few)
    one = [{"settings": {"a": 1, "seed": n}, "record": finished(val__loss=n)} for n in range(3)]
    alike = "no parallel.png: fewer than two different settings have a result"
    assert drawn("alike", one) == (["history.png"], f"{alike}; {few}")
    odd = [
        {"settings": {"a.$x": [n, {"k": "$"}], "b": n % 2}, "record": finished(val__loss=10.0**n)} for n in range(-9, 9)
    ]
    assert drawn("odd", odd) == (NAMES, None)
    lonely = "no importance.png: there is only one setting to compare"
    lone = [{"settings": {"a": n % 3, "seed": n}, "record": finished(val__loss=n)} for n in range(6)]
    assert drawn("lone", lone) == (["history.png", "parallel.png"], lonely)


def test_what_is_not_installed_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "optuna":
            raise ModuleNotFoundError(f"No module named {name!r}", name="optuna")
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "optuna", raising=False)
    found, why_not = draw(summarize(searched(tmp_path / "s")))
    assert [path.name for path in found] == NAMES[:2]
    assert why_not == "no importance.png: optuna is not installed; uv sync --extra sweeps"


def test_the_best_of_a_history_is_that_of_the_table(tmp_path: Path) -> None:
    losses = {1: (0.1, 0.9), 2: (0.4, 0.5)}  # the best job is one of the worse group
    jobs: list[dict[str, Any]] = [
        {"settings": {"a": a, "seed": seed}, "record": finished(val__loss=loss)}
        for a, found in losses.items()
        for seed, loss in enumerate(found)
    ]
    sweep = keep_sweep(tmp_path / "s", jobs)
    (axes,) = history(summarize(sweep)).axes
    (line,) = axes.lines
    assert list(np.unique(np.asarray(line.get_ydata()))) == [pytest.approx(0.45)]
    assert labels(axes) == ["best mean: 0.4500 ± 0.0707", "finished"]
    (axes,) = history(summarize(sweep, ["a"])).axes  # seeds are ranked, of which none is the best
    assert (len(axes.lines), labels(axes)) == (0, ["finished"])
    seeds = [job for job in jobs if job["settings"]["a"] == 1]  # nothing to be better than
    (axes,) = history(summarize(keep_sweep(tmp_path / "u", seeds))).axes
    assert (len(axes.lines), labels(axes)) == (1, ["finished", "mean: 0.5000 ± 0.5657"])
    singles = [{"settings": {"a": n}, "record": finished(val__loss=n)} for n in (2, 1, 3)]
    (axes,) = history(summarize(keep_sweep(tmp_path / "t", singles))).axes
    assert (len(axes.lines), labels(axes)) == (1, ["best: 1", "finished"])


def test_what_finished_without_a_number_has_not_failed(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [{"settings": {"a": n}, "record": finished(val__loss=n)} for n in (1, 2)]
    jobs += [{"settings": {"a": 3}, "record": finished(val__rmse=1.0)}, {"settings": {"a": 4}, **failed("Boom")}]
    (axes,) = history(summarize(keep_sweep(tmp_path / "s", jobs))).axes
    assert labels(axes) == ["best: 1", "failed", "finished", "finished without it"]


def test_a_missing_value_is_labelled_above_the_lines(tmp_path: Path) -> None:
    axes = parallel(summarize(of_few(tmp_path / "s", 8))).axes[0]
    (tick,) = (text for text in axes.texts if text.get_text() == "not set")
    assert tick.get_zorder() > max(line.get_zorder() for line in axes.lines)
    assert axis_of("x", ["not set", ...]).ticks == [(0.0, "not set"), (0.14, "not set")]  # a text of somebody's


def test_where_values_stand_on_an_axis() -> None:
    assert heights([0.1, 0.01, 0.001]) == [1, 0.5, 0]
    assert heights([1, 3, 2]) == [0, 1, 0.5]
    assert heights(["adam", "sgd", "adam"]) == [0, 1, 0]
    assert heights([None, 2, 10]) == [1, 0, 0.5]  # numbers in their order, then texts
    assert heights([True, False]) == [1, 0]
    assert heights([1, ..., 3]) == [0.14, 0, 1]
    assert heights(["a", ..., "b"]) == [0.14, 0, 1]
    assert axis_of("x", [0.1, 0.01]).ticks == [(0.0, "0.01"), (1.0, "0.1")]
    assert [text for _, text in axis_of("x", [0, 0.31, 1], is_result=True).ticks] == [
        "0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1",
    ]
    many = axis_of("x", [f"value {n}" for n in range(100)])
    assert len(many.ticks) <= 16


def test_lines_of_the_same_settings_do_not_hide_each_other(tmp_path: Path) -> None:
    jobs = [{"settings": {"a": n % 2, "b": n}, "record": finished(val__loss=n)} for n in range(6)]
    lines = [line for line in parallel(summarize(keep_sweep(tmp_path / "s", jobs))).axes[0].lines if line.get_alpha()]
    starts = {round(float(np.asarray(line.get_ydata())[0]), 4) for line in lines}
    assert len(starts) == len(lines) == 6
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in lines]
    assert ends == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0])  # results are exact; the best is drawn last
