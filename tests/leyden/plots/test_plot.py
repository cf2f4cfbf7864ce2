"""The folder of a run's figures: files, captions, and an error in one of them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from leyden.plots.plot import Plot, read_captions, save_plots


def plot(name: str, caption: str = "") -> Plot:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2])
    return Plot(name, name.title(), caption, figure, "test")


def test_figures_are_saved_with_captions_in_the_order_in_which_they_are_shown(tmp_path: Path) -> None:
    list(save_plots(tmp_path / "plots", [plot("own"), plot("training_batch"), plot("confusion_matrix", "old")]))
    [(_, png)] = save_plots(tmp_path / "plots", [plot("confusion_matrix", "4 as 9 <&>")])
    entries = read_captions(tmp_path / "plots")
    assert [entry["name"] for entry in entries] == ["confusion_matrix", "training_batch", "own"]
    expected = {"name": "confusion_matrix", "title": "Confusion_Matrix", "caption": "4 as 9 <&>", "split": "test"}
    assert entries[0] == expected
    assert (tmp_path / "plots" / "confusion_matrix.png").read_bytes() == png
    assert Image.open(tmp_path / "plots" / "own.png").size == (220, 110)


def test_an_error_in_a_figure_is_logged_and_those_before_it_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def drawn() -> Iterator[Plot]:
        yield plot("first")
        raise ValueError("a bug in a task")

    with caplog.at_level(logging.WARNING):
        assert [made.name for made, _ in save_plots(tmp_path, drawn())] == ["first"]
    assert "could not be drawn" in caplog.text
    assert "a bug in a task" in caplog.text
    assert (tmp_path / "first.png").is_file()


def test_a_full_disk_is_not_taken_for_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leyden.plots.plot.replacing", full)
    with pytest.raises(OSError, match="No space"):
        list(save_plots(tmp_path, [plot("first")]))


def test_damaged_captions_and_missing_files_are_left_out(tmp_path: Path) -> None:
    assert read_captions(tmp_path) == []
    (tmp_path / "captions.json").write_text("[{")
    assert read_captions(tmp_path) == []
    (tmp_path / "captions.json").write_text(json.dumps([{"name": "gone"}, 3, {"name": 4}]))
    assert read_captions(tmp_path) == []


def test_the_style_of_figures_is_not_left_behind(tmp_path: Path) -> None:
    from matplotlib import rcParams

    before = dict(rcParams)
    list(save_plots(tmp_path, [plot("first")]))
    assert dict(rcParams) == before
