"""The line with the bar is one line on every terminal, and none elsewhere."""

import io
import re

import pytest
import rich
from rich.console import Console

from leyden.system.live_line import LiveLine, live_row

VALUES = ["loss 0.5854", "best val/acc 0.8874"]


def shown(width: int, fraction: float | None = 0.216, left: float | None = 83.0, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    console = Console(
        file=io.TextIOWrapper(raw, encoding=encoding, write_through=True), width=width, force_terminal=True
    )
    console.print(live_row(width, "epoch 12/60", fraction, VALUES, left))
    return re.sub(r"\x1b\[[\d;]*m", "", raw.getvalue().decode(encoding)).splitlines()


@pytest.mark.parametrize("width", [1, 10, 20, 30, 40, 50, 60, 70, 80, 100, 200])
@pytest.mark.parametrize("fraction", [0.0, 0.216, 1.0, None])
@pytest.mark.parametrize("left", [None, 83.0, 400000.0])
def test_it_is_one_line_of_at_most_the_width(width: int, fraction: float | None, left: float | None) -> None:
    (line,) = shown(width, fraction, left)
    assert len(line) <= width


def test_everything_is_there_at_80_columns() -> None:
    (line,) = shown(77)
    assert re.fullmatch(r"epoch 12/60  [━╸╺ ]+   21 %  loss 0.5854  best val/acc 0.8874  ETA  1:23", line)


def test_on_a_narrow_terminal_the_best_value_goes_first_and_the_percentage_stays() -> None:
    (line,) = shown(60)
    assert "loss" in line
    assert "best" not in line
    (line,) = shown(20)
    assert line.split() == ["epoch", "12/60", "21", "%"]


def test_a_terminal_without_unicode_has_a_bar_of_dashes() -> None:
    (line,) = shown(80, encoding="ascii")
    assert "---" in line


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for console in (Console(file=io.StringIO()), Console(file=io.StringIO(), force_terminal=True, quiet=True)):
        monkeypatch.setattr(rich, "get_console", lambda console=console: console)
        line = LiveLine()
        line.open()
        line.show("epoch 1/2", 0.5)
        assert not line.is_open
        line.close()
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue() == ""
