"""The folder of a run's figures: files, captions, and an error in one of them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from leyden.plots.plot import Plot, each_plot, read_captions, remove_plots, save_plots


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
    assert Image.open(tmp_path / "plots" / "own.png").size == (200, 100)


def test_an_error_in_a_figure_is_logged_and_those_before_it_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def drawn() -> Iterator[Plot]:
        yield plot("first")
        raise ValueError("a bug in a task")

    with caplog.at_level(logging.WARNING):
        assert [made.name for made, _ in save_plots(tmp_path, drawn())] == ["first"]
    assert "a figure could not be drawn" in caplog.text
    assert "a bug in a task" in caplog.text
    assert (tmp_path / "first.png").is_file()


def test_a_folder_that_cannot_be_written_is_one_line_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "plots").write_text("a file of that name")
    with caplog.at_level(logging.WARNING):
        assert list(save_plots(tmp_path / "plots", [plot("first")])) == []
    assert caplog.text.count("\n") == 1
    assert "figures are left out" in caplog.text


def test_an_error_of_one_function_leaves_the_figures_of_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Iterator[Plot]:
        raise FileNotFoundError("a font")
        yield

    with caplog.at_level(logging.WARNING):
        found = list(save_plots(tmp_path, each_plot(broken, lambda: [plot("second")])))
    assert [made.name for made, _ in found] == ["second"]
    assert "a font" in caplog.text


def test_figures_of_an_earlier_evaluation_are_removed(tmp_path: Path) -> None:
    curves = Plot("learning_curves", "Curves", "", plot("x").figure)
    batch = Plot("training_batch", "Batch", "", plot("x").figure, "train")
    list(save_plots(tmp_path, [curves, batch, plot("worst_predictions"), Plot("coefficients", "C", "", curves.figure)]))
    remove_plots(tmp_path)
    assert [entry["name"] for entry in read_captions(tmp_path)] == ["learning_curves", "training_batch"]
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == ["learning_curves", "training_batch"]


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
