"""Figures that a run draws: those that apply, in plots/ and in TensorBoard, and none inside an epoch."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from leyden.callbacks.evaluation_plots import EvaluationPlots
from leyden.callbacks.image_events import IMAGE_EVENTS
from leyden.callbacks.learning_curves import LearningCurves
from leyden.callbacks.training_batch import TrainingBatch
from leyden.config.compose import compose, compose_run
from leyden.training.evaluate import evaluate_run
from leyden.training.train import run_experiment
from tests.leyden.helpers.drawn_runs import drawn, run
from tests.leyden.helpers.logged import events

CLASSES = {"confusion_matrix", "confusion_matrix_normalised", "class_accuracy", "roc", "precision_recall"}
CLASSES |= {"calibration", "worst_predictions"}
NUMBERS = {"predicted_vs_actual", "residuals", "error_by_decile"}
ALWAYS = {"learning_curves"}
IMAGES = {"training_batch"}


CASES: list[tuple[str, list[str], set[str]]] = [
    ("images", ["model=mlp"], CLASSES | IMAGES),
    ("linear model of images", ["model=linear"], CLASSES | IMAGES | {"coefficients"}),
    ("table", ["experiment=csv_mlp"], NUMBERS),
    ("linear model of a table", ["experiment=csv_linear"], NUMBERS | {"coefficients"}),
    ("classes of a table", ["data=cars", "task=classification", "data.target=origin", "model=mlp"], CLASSES),
    ("reconstruction", ["experiment=mnist_autoencoder"], IMAGES | {"reconstructions"}),
    ("reconstruction of a table", ["data=cars", "task=reconstruction", "model=mlp"], {"reconstructions"}),
    ("several targets", ["experiment=csv_mlp", "data.target=[mpg,weight]"], NUMBERS),
]


@pytest.mark.parametrize(("settings", "names"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_run_draws_every_figure_that_applies_and_no_other(
    settings: list[str], names: set[str], quick: list[str]
) -> None:
    of_images = "data.train_size=256"
    few = quick if settings[0][:4] != "data" and "csv" not in settings[0] else [s for s in quick if s != of_images]
    few = [s for s in few if ("csv" not in str(settings) and "cars" not in str(settings)) or "val_size" not in s]
    directory = run(settings, [s for s in few if "limit_test" not in s])
    found = drawn(directory / "plots")
    assert found - {"worst_predictions"} == (names | ALWAYS) - {"worst_predictions"}
    shown = {value.tag: event for event in events(directory) for value in event.summary.value if "plots/" in value.tag}
    assert {tag.removeprefix("plots/") for tag in shown} == found - ALWAYS  # TensorBoard draws curves itself


def test_images_in_tensorboard_are_the_files_in_a_file_of_their_own(quick: list[str]) -> None:
    directory = run(["model=linear"], quick)
    captions = {entry["name"]: entry for entry in json.loads((directory / "plots" / "captions.json").read_text())}
    seen = 0
    for event in events(directory):
        for value in event.summary.value:
            if not value.tag.startswith("plots/"):
                continue
            name = value.tag.removeprefix("plots/")
            width, height, png = value.tensor.string_val
            assert png == (directory / "plots" / f"{name}.png").read_bytes()
            assert Image.open(directory / "plots" / f"{name}.png").size == (int(width), int(height))
            assert value.metadata.summary_description == captions[name]["caption"]
            assert event.step == (0 if name == "training_batch" else 4)
            seen += 1
    assert seen == 9
    of_scalars = [path for path in (directory / "tensorboard").glob("*tfevents*") if path.name != IMAGE_EVENTS]
    assert sum(path.stat().st_size for path in of_scalars) < 30_000
    assert (directory / "tensorboard" / IMAGE_EVENTS).stat().st_size > 100_000


@pytest.mark.parametrize("name", ["learning_curves", "training_batch", "evaluation_plots"])
def test_each_family_is_left_out_with_one_setting(name: str, quick: list[str]) -> None:
    found = drawn(run(["model=linear", f"callbacks.{name}=null"], quick) / "plots")
    absent = {"evaluation_plots": CLASSES | {"coefficients"}}.get(name, {name})
    assert not found & absent
    assert found >= (CLASSES | ALWAYS | IMAGES | {"coefficients"}) - absent - {"worst_predictions"}


def test_without_a_test_the_best_weights_are_drawn_for_validation(quick: list[str]) -> None:
    ruin = ["scheduler=step", "scheduler.step_size=1", "scheduler.gamma=1000", "trainer.max_epochs=2"]
    directory = run(["model=linear", "test=false", *ruin], quick)
    captions = {entry["name"]: entry for entry in json.loads((directory / "plots" / "captions.json").read_text())}
    record = json.loads((directory / "run.json").read_text())
    wrong = round(256 * (1 - record["metrics"]["best/val/acc"]))  # and not that of the last weights, which are ruined
    assert captions["confusion_matrix"]["caption"].startswith(f"Validation split, 256 items, of which {wrong} are")
    assert captions["confusion_matrix"]["split"] == "val"
    assert not any(name.startswith("test/") for name in record["metrics"])


def test_eval_draws_in_a_folder_of_its_own(quick: list[str]) -> None:
    directory = run(["model=linear"], quick)
    before = (directory / "plots" / "captions.json").read_bytes()
    evaluate_run(*compose_run([f"run={directory}", "split=val"]))
    folder = directory / "plots" / "eval_val_best"
    assert drawn(folder) >= {"confusion_matrix", "coefficients"}
    assert "Validation split, 256 items" in (folder / "captions.json").read_text()
    assert (directory / "plots" / "captions.json").read_bytes() == before


def test_eval_of_a_run_without_figures_draws_none(quick: list[str]) -> None:
    directory = run(["model=linear", "callbacks.evaluation_plots=null"], quick)
    evaluate_run(*compose_run([f"run={directory}"]))
    assert not list((directory / "plots").glob("eval*"))


def test_a_bug_in_a_figure_does_not_lose_the_result(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("a bug in a figure")

    monkeypatch.setattr("leyden.plots.classification._confusion", broken)
    with caplog.at_level(logging.WARNING):
        directory = run(["model=linear"], quick)
    record = json.loads((directory / "run.json").read_text())
    assert record["status"] == "finished"
    assert "test/acc" in record["metrics"]
    assert "a bug in a figure" in (directory / "train.log").read_text()


def test_the_training_batch_is_the_first_one_as_the_network_receives_it(
    quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def kept(pixels: Any, captions: list[str], *rest: Any, **more: Any) -> Any:
        shown.append((torch.from_numpy(pixels.copy()), captions))
        return image_grid(pixels, captions, *rest, **more)

    from leyden.plots.images import image_grid

    monkeypatch.setattr("leyden.callbacks.training_batch.image_grid", kept)
    run(["model=linear", "data.augment.rotation=30", "logger=csv", "test=false"], quick)
    experiment = compose(["model=linear", "data.augment.rotation=30", *quick])
    from leyden.training.build import build_data

    data = build_data(experiment.config)
    inputs, targets = next(iter(data.loader("train", shuffle=True, seed=data.seed)))
    [(pixels, captions)] = shown
    expected = (inputs[:32] * data.spec.std[0] + data.spec.mean[0]).clamp(0, 1).squeeze(1)
    assert torch.allclose(pixels[..., 0], expected, atol=1e-6)
    assert captions == [data.spec.class_names[label] for label in targets[:32]]


def test_curves_are_drawn_between_epochs_if_that_takes_little_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, drawings = [100.0], []
    monkeypatch.setattr("leyden.callbacks.learning_curves.time.monotonic", lambda: now[0])

    class Trainer:
        is_global_zero, fast_dev_run, current_epoch = True, False, 1
        loggers = ()

    callback = LearningCurves(str(tmp_path), "val/acc", "max")
    monkeypatch.setattr("leyden.callbacks.learning_curves._tables", lambda trainer: drawings.append(now[0]) or [])
    callback.on_train_start(Trainer(), None)  # type: ignore[arg-type]
    drawings.clear()
    for seconds in (1, 1, 10, 10, 10):
        now[0] += seconds
        callback.on_train_epoch_start(Trainer(), None)  # type: ignore[arg-type]
    assert drawings == [122.0, 132.0]  # after 15 s for the first; this clock stands still while figures are drawn
    callback.on_train_end(Trainer(), None)  # type: ignore[arg-type]
    assert drawings[-1] == 132.0
    assert len(drawings) == 3


def test_nothing_is_drawn_inside_a_training_epoch() -> None:
    inside = {"on_train_batch_start", "on_train_batch_end", "on_validation_batch_end", "on_before_optimizer_step"}
    for callback in (LearningCurves, EvaluationPlots):
        assert not inside & vars(callback).keys()
    assert "write_plots" not in TrainingBatch.on_train_batch_start.__code__.co_names


def test_images_are_shown_where_the_network_gets_features_of_a_frozen_backbone(quick: list[str]) -> None:
    frozen = ["model=resnet", "model.name=squeezenet1_1", "model.weights=null", "model.freeze=backbone"]
    few = [word for word in quick if not word.startswith(("data.", "trainer.limit"))]
    experiment = compose([*few, *frozen, "data.train_size=40", "data.val_size=20", "data.augment=null"])
    run_experiment(experiment)
    log_text = (experiment.run_dir / "train.log").read_text()
    assert "features of the frozen backbone" in log_text
    assert "could not be drawn" not in log_text
    assert {"training_batch", "worst_predictions"} <= drawn(experiment.run_dir / "plots")
    captions = json.loads((experiment.run_dir / "plots" / "captions.json").read_text())
    assert {entry["name"]: entry for entry in captions}["training_batch"]["caption"].endswith("1×28×28.")
