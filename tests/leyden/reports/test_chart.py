"""leyden.reports.chart and curves: what is drawn, and where."""

import math
import re

import pytest

from leyden.reports.chart import Chart, Line, nice_ticks, thinned
from leyden.reports.curves import overlaid_charts, run_charts
from leyden.reports.history import History
from leyden.reports.overfitting import Verdict
from tests.leyden.helpers.reported_runs import Page

NAN = math.nan


def paths(svg: str) -> list[str]:
    return re.findall(r'<path class="curve[^"]*" d="([^"]*)"', svg)


def labels(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def chart(*values: float, **settings: object) -> str:
    points = [(float(x), y) for x, y in enumerate(values, start=1)]
    return Chart("loss", [Line("val", points)], **settings).figure()  # type: ignore[arg-type]


def test_a_curve_its_axes_and_its_values() -> None:
    svg = chart(0.0, 0.5, 1.0)
    Page(svg)
    [path] = paths(svg)
    xs, ys = zip(*(map(float, point.split()) for point in re.split("[ML]", path)[1:]), strict=True)
    assert list(xs) == sorted(xs)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert labels(svg) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1", "2", "3", "epoch"]
    assert "<title>val, epoch 2: 0.5</title>" in svg
    assert 'aria-label="loss by epoch: val"' in svg


def test_values_that_are_not_finite_leave_a_gap_and_are_named() -> None:
    svg = chart(1.0, 0.5, NAN, 0.4, math.inf, 0.3)
    assert paths(svg)[0].count("M") == 3
    assert "val: not finite in places" in svg
    assert not re.search("nan|inf", re.sub("<figcaption.*</figcaption>", "", svg))


def test_nothing_is_drawn_without_two_points() -> None:
    assert chart(0.5) == chart() == chart(NAN, NAN) == ""


@pytest.mark.parametrize("value", [0.0, 0.002, -3.0, 1e9])
def test_equal_values_are_in_the_middle(value: float) -> None:
    svg = chart(value, value)
    [path] = paths(svg)
    assert {point.split()[1] for point in re.split("[ML]", path)[1:]} == {"109"}
    assert labels(svg)[0] == f"{value:.3g}".replace("e+09", "e9")


def test_values_of_several_decades_have_a_logarithmic_axis() -> None:
    svg = chart(100.0, 1.0, 0.01, may_be_log=True)
    assert "logarithmic" in svg
    ys = [float(point.split()[1]) for point in re.split("[ML]", paths(svg)[0])[1:]]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2)
    assert labels(svg)[:5] == ["0.01", "0.1", "1", "10", "100"]
    for svg in (chart(100.0, 1.0, 0.0, may_be_log=True), chart(9.0, 1.0, may_be_log=True), chart(100.0, 1.0, 0.01)):
        assert "logarithmic" not in svg


def test_an_axis_that_begins_with_zero() -> None:
    assert labels(chart(900.0, 1000.0, from_zero=True))[0] == "0"
    assert labels(chart(900.0, 1000.0))[0] == "900"


def test_events_and_periods() -> None:
    svg = chart(1.0, 0.5, 0.6, event=(2, "best <val>"), period=(3.0, "rising"))
    Page(svg)
    assert "best &lt;val&gt;" in svg
    assert 'class="period"' in svg
    assert '<i class="area"></i>rising</span>' in svg


def test_long_curves_keep_their_peaks() -> None:
    points = [(float(x), 1.0) for x in range(100_000)]
    points[54_321] = (54_321.0, 9.0)
    points[77_777] = (77_777.0, NAN)
    kept = thinned(points)
    assert len(kept) <= 310
    assert (54_321.0, 9.0) in kept
    assert [x for x, y in kept if math.isnan(y)] == [77_777.0]
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)
    assert len(Chart("loss", [Line("val", points)]).figure()) < 10_000


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.93), (-4, 7), (1e-7, 3e-7), (999, 1001), (0, 1e6)])
def test_ticks_are_round_and_cover_all_values(low: float, high: float) -> None:
    ticks = nice_ticks(low, high, 5)
    assert 3 <= len(ticks) <= 8
    assert ticks[0] <= low
    assert high <= ticks[-1]
    assert all(len(f"{tick:g}") <= 7 for tick in ticks)


HISTORY = History(
    {
        "train/loss": {1: 0.9, 2: 0.5},
        "val/loss": {1: 0.8, 2: 0.6},
        "val/<b>": {1: 0.1, 2: 0.2},
        "own": {1: 1.0, 2: 2.0},
    },
    {
        "lr-SGD/pg1": {0: 0.1, 9: 0.2},
        "lr-SGD/pg2": {0: 0.1, 9: 0.2},
        "time/epoch": {9: 5.0, 19: 6.0},
        "train/loss_step": {4: 1.0, 9: 1.0},
    },
    {1: 9, 2: 19},
)


def test_charts_of_a_run() -> None:
    made = run_charts(HISTORY, "val/<b>", 2, Verdict("overfitting", "", 2))
    assert re.findall(r"<figcaption><b>(.*?)</b>", made) == [
        "loss",
        "&lt;b&gt;",
        "learning rate",
        "time of an epoch, s",
        "own",
    ]
    assert made.count('class="period"') == 1
    assert made.count(">best val/&lt;b&gt;<") == 1
    assert "lr-SGD/pg2" not in made  # equal to the other
    assert Page(made).names.count("svg") == 5


def test_charts_of_several_runs() -> None:
    other = History({"val/loss": {1: 0.7, 2: 0.4}}, {}, {1: 4, 2: 9})
    made = overlaid_charts(["a<", "b"], [HISTORY, other], ["val/loss", "val/loss"])
    assert re.findall(r"<figcaption><b>(.*?)</b>", made) == [
        "loss",
        "&lt;b&gt;",
        "learning rate",
        "time of an epoch, s",
        "own",
    ]
    first = made.partition("</figure>")[0]
    assert re.findall(r'<path class="curve ([^"]*)"', first) == ["c0 dashed", "c0", "c1"]
    assert "a&lt;, train, epoch 1: 0.9" in first


def test_a_run_without_values_has_no_charts() -> None:
    assert run_charts(History(), "val/loss", None, Verdict("unknown", "")) == ""


def test_very_many_metrics_are_cut() -> None:
    many = History({f"val/m{number}": {1: 0.1, 2: 0.2} for number in range(300)}, {}, {1: 9, 2: 19})
    made = run_charts(many, "val/m0", 1, Verdict("none", ""))
    assert made.count("<svg") == 24
    assert "276 more metrics are in metrics.csv." in made


def test_errors_may_have_a_logarithmic_axis_and_scores_never() -> None:
    history = History(
        {f"val/{name}": {1: 0.01, 2: 0.9} for name in ("loss", "aux_loss", "rmse", "acc", "r2")}, {}, {1: 9, 2: 19}
    )
    made = run_charts(history, "val/loss", 2, Verdict("none", ""))
    assert re.findall(r"<b>(\w+)<span", made) == ["loss", "aux_loss", "rmse"]
