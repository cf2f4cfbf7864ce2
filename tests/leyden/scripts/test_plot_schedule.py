"""scripts/plot_schedule.py, run as a user runs it."""

from pathlib import Path

import pytest

from tests.leyden.scripts.running import runner

ROOT = Path(__file__).resolve().parents[3]
run = runner(ROOT / "scripts" / "plot_schedule.py")


def test_every_schedule_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "all.png"
    assert run(monkeypatch, "--steps", "5", "--output", str(output), "trainer.max_epochs=4") == 0
    assert output.stat().st_size > 10_000
    names = sorted(path.stem for path in (ROOT / "configs" / "scheduler").glob("*.yaml"))
    assert capsys.readouterr().err.strip() == f"{output}: {', '.join(names)}"


def test_a_warm_up_is_drawn_with_any_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[float]] = []
    monkeypatch.setattr("matplotlib.axes.Axes.plot", lambda axes, xs, ys, **_: drawn.append(ys))
    settings = ["scheduler=step", "scheduler.step_size=3", "scheduler.warmup=4", "optimizer.lr=1.0"]
    assert (
        run(monkeypatch, "--steps", "2", "--output", str(tmp_path / "one.png"), "trainer.max_epochs=5", *settings) == 0
    )
    assert drawn[0] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1])
