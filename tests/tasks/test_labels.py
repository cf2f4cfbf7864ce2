"""Tasks of yes or no: one logit for two classes, and several labels."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.classification import BinaryRecall

from leyden import DataSpec, UserError, build_task, compose, load_run, run_experiment
from myproject.tasks.binary import Binary
from myproject.tasks.multilabel import Multilabel
from tests.helpers.trainers import made_trainer

TWO = DataSpec("classification", (3,), 2, ("died", "survived"))
LABELS = DataSpec("multilabel", (3,), 3, target_names=("p", "q", "r"))


def binary(**settings: Any) -> Binary:
    return Binary(nn.Linear(3, 1), TWO, **settings)


def multilabel(**settings: Any) -> Multilabel:
    return Multilabel(nn.Linear(3, 3), LABELS, **settings)


def logits(values: list[float]) -> Tensor:
    return torch.tensor(values)[:, None]


OUTPUTS, CLASSES = logits([-2.0, -1.0, 0.5, 1.0, 3.0]), torch.tensor([0, 1, 0, 1, 1])


@pytest.mark.parametrize("positive", [None, "survived", "died"])
def test_the_logit_is_that_of_the_second_class(positive: str | None) -> None:
    task = binary(positive=positive)
    two = torch.cat([torch.zeros(5, 1), OUTPUTS], 1)
    expected = nn.functional.cross_entropy(two, CLASSES)
    assert task.loss(OUTPUTS, CLASSES).item() == pytest.approx(expected.item())
    assert task.item_errors(OUTPUTS, CLASSES).mean().item() == pytest.approx(expected.item())
    probability = task.scores(OUTPUTS, CLASSES)[0]
    assert torch.allclose(probability, two.softmax(1)[:, 0 if positive == "died" else 1])


def test_pos_weight_is_of_the_positive_class() -> None:
    weighted = binary(positive="died", loss={"bce": {"pos_weight": 3.0}})
    each = binary().item_errors(OUTPUTS, CLASSES)
    expected = (each * torch.where(CLASSES == 0, 3.0, 1.0)).mean()
    assert weighted.loss(OUTPUTS, CLASSES).item() == pytest.approx(expected.item())


def measured(task: Any, outputs: Tensor, targets: Tensor) -> dict[str, float]:
    task.val_epoch.reset()
    for place in range(len(outputs)):
        some = outputs[place : place + 1], targets[place : place + 1]
        task.val_epoch.add(task.loss(*some), *some)
    task.trainer = made_trainer(Path("unused"))
    task.log = lambda *_: None
    task.validated(outputs, targets)
    return {name: value.item() for name, value in task.val_epoch.compute().items()}


def test_metrics_of_a_validation_are_at_the_threshold_that_it_tunes() -> None:
    task = binary(metrics=["precision", "calibration_error"])
    found = measured(task, OUTPUTS, CLASSES)
    threshold = float(task.threshold.value)  # between −2 and −1: all survivors are found, and one other
    assert threshold == pytest.approx(1 / (1 + math.exp(1.5)))
    assert found["f1"] == pytest.approx(6 / 7)
    assert found["acc"] == pytest.approx(0.8)
    assert found["precision"] == pytest.approx(0.75)
    assert found["auroc"] == pytest.approx(5 / 6)
    assert found["ap"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    plain = binary(metrics=["calibration_error"], threshold=0.5)
    assert found["calibration_error"] == pytest.approx(measured(plain, OUTPUTS, CLASSES)["calibration_error"])


def test_a_metric_with_a_threshold_of_its_own_ignores_the_tuned_one() -> None:
    chosen = [{"recall": {"threshold": 0.5}}, {"precision": {"threshold": 0.7}}]
    found = measured(binary(metrics=chosen), OUTPUTS, CLASSES)
    assert found["recall"] == pytest.approx(2 / 3)  # of the survivors, two are above 0.5
    assert found["precision"] == 1.0  # and above 0.7 are only survivors
    assert measured(binary(metrics=[BinaryRecall(threshold=0.3)]), OUTPUTS, CLASSES)["recall"] == pytest.approx(2 / 3)


def test_a_fixed_threshold_decides() -> None:
    task = binary(threshold=0.9)
    assert measured(task, OUTPUTS, CLASSES)["acc"] == pytest.approx(0.6)
    told = task.predictions(OUTPUTS, torch.zeros(5, 3))
    assert told["class"] == ["died"] * 4 + ["survived"]
    assert torch.allclose(torch.as_tensor(told["probability_survived"]), OUTPUTS[:, 0].sigmoid())
    assert binary(threshold=0.9, positive="died").predictions(OUTPUTS, torch.zeros(5, 3))["class"][0] == "survived"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec("classification", (3,), 3, ("a", "b", "c")), r"^task=binary: .* 3 classes.*try task=classification$"),
        (DataSpec("regression", (3,), 1), r"try task=regression$"),
    ],
)
def test_other_data_are_refused(spec: DataSpec, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Binary.check(spec)


def test_labels_are_measured_over_all_and_by_item() -> None:
    task = multilabel()
    outputs = torch.tensor([[1.0, -1.0, 2.0], [-1.0, -1.0, 1.0]])
    targets = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    loss = nn.functional.binary_cross_entropy_with_logits(outputs, targets)
    assert task.loss(outputs, targets).item() == pytest.approx(loss.item())
    assert task.item_errors(outputs, targets).mean().item() == pytest.approx(loss.item())
    task.val_epoch.add(task.loss(outputs, targets), outputs, targets)
    found = {name: value.item() for name, value in task.val_epoch.compute().items()}
    assert (found["acc"], found["exact"]) == (pytest.approx(4 / 6), 0.5)
    assert found["f1"] == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)
    told = task.predictions(outputs, torch.zeros(2, 3))
    assert told["labels"] == ["p; r", "r"]
    assert torch.allclose(torch.as_tensor(told["probability_q"]), outputs[:, 1].sigmoid())
    assert task.truth(targets) == {"target_p": ["1", "1"], "target_q": ["0", "0"], "target_r": ["1", "0"]}


def table(folder: Path, rows: int = 120) -> str:
    draw, words = torch.Generator().manual_seed(0), {True: "yes", False: "No"}
    x = torch.randn(rows, 2, generator=draw)
    y = (x + torch.randn(rows, 2, generator=draw) / 2 > 0).tolist()
    lines = [f"{a:.3f},{b:.3f},{words[p]},{int(q)}" for (a, b), (p, q) in zip(x.tolist(), y, strict=True)]
    path = folder / "t.csv"
    path.write_text("\n".join(["u,v,p,q", *lines]))
    return str(path)


@pytest.mark.parametrize(
    ("task", "more", "figures"),
    [
        (
            "binary",
            ["data.target=p", "data.ignore=[q]", "task.metrics=[recall]"],
            {"roc", "calibration", "coefficients"},
        ),
        ("binary", ["data.target=p", "data.ignore=[q]", "task.metrics=recall", "callbacks=ema"], {"roc"}),
        ("multilabel", ["data.target=[p,q]", "task.metrics=[auroc]"], {"roc", "precision_recall", "coefficients"}),
    ],
)
def test_a_table_is_trained_tested_and_loaded(task: str, more: list[str], figures: set[str], tmp_path: Path) -> None:
    base = ["data=csv", f"data.path={table(tmp_path)}", "model=linear", "trainer=cpu", f"paths.log_dir={tmp_path}/logs"]
    experiment = compose([*base, f"task={task}", "trainer.max_epochs=2", "optimizer.lr=0.1", *more])
    run_experiment(experiment)
    run = load_run("last", log_dir=tmp_path / "logs")
    added = "test/recall" if task == "binary" else "test/auroc"
    assert {"test/f1", "test/acc", added} <= run.metrics.keys()
    assert figures <= {path.stem for path in (run.dir / "plots").glob("*.png")}
    assert run.model(torch.zeros(4, 2)).shape == (4, 1 if task == "binary" else 2)
    if isinstance(run.task, Binary):
        assert float(run.task.threshold.value) != 0.5
        assert run.metrics["val/threshold"] == pytest.approx(float(run.task.threshold.value))
        assert run.spec.class_names == ("No", "yes")


def test_a_single_label_is_refused() -> None:
    config = compose(["data=csv", "data.path=t.csv", "data.target=p", "model=linear", "task=multilabel"]).config
    with pytest.raises(UserError, match=r"^task=multilabel: these data are for classification"):
        build_task(config, TWO)
