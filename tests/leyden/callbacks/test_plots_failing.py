"""No error of a figure ends a run or an evaluation; a part of the data, and odd precisions, are drawn as measured."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from leyden.callbacks.evaluation_plots import EvaluationPlots
from leyden.config.compose import compose, compose_run
from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot
from leyden.training.evaluate import evaluate_run
from leyden.training.train import run_experiment
from myproject.tasks.classification import Classification
from tests.leyden.helpers.drawn_runs import drawn, run


class OwnTask(Classification):
    """A task whose methods for figures fail."""

    fault: ClassVar[str] = ""

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.fault == "item_errors":
            raise ValueError("a bug in item_errors")
        return super().item_errors(outputs, targets)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        if self.fault == "plots":
            raise FileNotFoundError(2, "a font is missing", "font.ttf")
        return super().plots(evaluated)

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        found = super().test_step(batch, batch_idx)
        return found | {"outputs": torch.tensor(0.5)} if self.fault == "outputs" else found

    def outputs_and_targets(self, batch: Any) -> tuple[Tensor, Tensor]:
        if self.fault == "batch" and not self._is_in_loop:
            raise KeyError(0)
        return super().outputs_and_targets(batch)

    @property
    def _is_in_loop(self) -> bool:
        return bool(self._trainer and self._trainer.state.status == "running")


@pytest.mark.parametrize("fault", ["item_errors", "plots", "outputs", "batch"])
def test_no_error_of_a_task_for_figures_ends_its_run(
    fault: str, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnTask, "fault", fault)
    own = f"task._target_={__name__}.OwnTask"
    directory = run(["model=linear", own, f"test={str(fault != 'batch').lower()}"], quick)
    record = json.loads((directory / "run.json").read_text())
    assert record["status"] == "finished"
    assert ("test/acc" in record["metrics"]) == (fault != "batch")
    assert re.search("could not be drawn|are left out", (directory / "train.log").read_text())
    assert (directory / "plots" / "learning_curves.png").is_file()


def test_a_folder_of_figures_that_cannot_be_made_ends_neither_run_nor_evaluation(quick: list[str]) -> None:
    directory = run(["model=linear"], quick)
    (directory / "plots" / "eval_val_best").write_text("a file of that name")
    metrics = evaluate_run(*compose_run([f"run={directory}", "split=val"]))
    assert "val/acc" in metrics


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_the_precision_of_the_run_is_that_of_its_figures(precision: str, quick: list[str]) -> None:
    directory = run(["model=linear", f"trainer.precision={precision}", "test=false"], quick)
    assert "could not be drawn" not in (directory / "train.log").read_text()
    assert "confusion_matrix" in drawn(directory / "plots")


def test_only_the_validated_part_of_the_validation_split_is_drawn(quick: list[str]) -> None:
    directory = run(["model=linear", "test=false", "data.eval_batch_size=100", "trainer.limit_val_batches=1"], quick)
    captions = (directory / "plots" / "captions.json").read_text()
    accuracy = json.loads((directory / "run.json").read_text())["metrics"]["best/val/acc"]
    assert f"Validation split, 100 items, of which {round(100 * (1 - accuracy))} are wrong" in captions


def test_tables_that_change_during_a_run_have_numbers_in_place_of_names(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("x,y\n" + "".join(f"{n},{3 * n + n % 5}\n" for n in range(60)))
    experiment = compose(
        ["experiment=csv_linear", "data=csv", f"data.path={table}", "data.target=y"]
        + [word for word in quick if "data." not in word]
    )
    real = EvaluationPlots.on_test_epoch_start

    def changed(*arguments: Any) -> None:
        table.write_text("other,columns\n1,2\n")
        real(*arguments)

    monkeypatch.setattr(EvaluationPlots, "on_test_epoch_start", changed)
    run_experiment(experiment)
    assert "items are numbered and not named" in (experiment.run_dir / "train.log").read_text()
    assert "item " in (experiment.run_dir / "plots" / "captions.json").read_text()
