"""Metrics by name: computed by hand, with the facts of the data, on probabilities or numbers."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix
from torchmetrics.regression import MeanSquaredError

from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.task import Task

SPECS = {
    "multiclass": DataSpec("classification", (3,), 3, ("cat", "dog", "a b")),
    "multilabel": DataSpec("multilabel", (3,), 3, target_names=("p", "q", "r")),
    "regression": DataSpec("regression", (3,), 2, target_names=("x", "y")),
    "single": DataSpec("regression", (3,), 1, target_names=("x",)),
}
ITEMS = 40


class Plain(Task):
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.float().mean()


def made_task(kind: str, metrics: Any) -> Task:
    task = type("OfKind", (Plain,), {"TARGETS": SPECS[kind].task})
    made: Task = task(nn.Linear(3, SPECS[kind].output_size), SPECS[kind], metrics=metrics)
    return made


def batch(kind: str) -> tuple[Tensor, Tensor]:
    """Logits within and beyond [0, 1], or numbers; and targets."""
    draw = torch.Generator().manual_seed(5)
    outputs = torch.randn(ITEMS, SPECS[kind].output_size, generator=draw)
    if kind == "multiclass":
        return outputs, torch.randint(0, 3, (ITEMS,), generator=draw)
    noise = torch.randn(ITEMS, SPECS[kind].output_size, generator=draw)
    return outputs, (outputs + noise > 0).float() if kind == "multilabel" else outputs + noise


def measured(kind: str, metrics: Any, pair: tuple[Tensor, Tensor] | None = None) -> dict[str, float]:
    task, (outputs, targets) = made_task(kind, metrics), pair or batch(kind)
    for some in (slice(0, 7), slice(7, None)):
        task.val_epoch.add(task.loss(outputs[some], targets[some]), outputs[some], targets[some])
    return {name: value.item() for name, value in task.val_epoch.compute().items() if name != "loss"}


def area(scores: np.ndarray, yes: np.ndarray) -> float:
    """Share of pairs in which the positive item has the higher score."""
    return float((scores[yes][:, None] > scores[~yes]).mean())


def precision_of(scores: np.ndarray, yes: np.ndarray) -> float:
    """Mean over the positive items of the precision at their score."""
    return float(np.mean([yes[scores >= score].mean() for score in scores[yes]]))


def test_metrics_of_classes() -> None:
    outputs, targets = batch("multiclass")
    p, t = outputs.softmax(1).double().numpy(), targets.numpy()
    guess, top = p.argmax(1), p.max(1)
    hits = [(guess[t == k] == k).mean() for k in range(3)]
    right = [(t[guess == k] == k).mean() for k in range(3)]
    f1 = [2 * a * b / (a + b) for a, b in zip(hits, right, strict=True)]
    bins = np.minimum((top * 15).astype(int), 14)
    gaps = [abs((guess == t)[bins == k].mean() - top[bins == k].mean()) * (bins == k).mean() for k in set(bins)]
    chance = sum((guess == k).mean() * (t == k).mean() for k in range(3))
    expected = {
        "accuracy": (guess == t).mean(),
        "balanced_accuracy": np.mean(hits),
        "recall": np.mean(hits),
        "precision": np.mean(right),
        "f1": np.mean(f1),
        "auroc": np.mean([area(p[:, k], t == k) for k in range(3)]),
        "average_precision": np.mean([precision_of(p[:, k], t == k) for k in range(3)]),
        "calibration_error": sum(gaps),
        "cohen_kappa": ((guess == t).mean() - chance) / (1 - chance),
    }
    assert measured("multiclass", list(expected)) == pytest.approx(expected, rel=1e-4)


def test_metrics_of_labels() -> None:
    outputs, targets = batch("multilabel")
    p, t = outputs.sigmoid().double().numpy(), targets.numpy() > 0.5
    guess = p > 0.5
    f1 = [2 * (guess & t)[:, k].sum() / (guess[:, k].sum() + t[:, k].sum()) for k in range(3)]
    expected = {
        "accuracy": (guess == t).mean(),
        "hamming": (guess != t).mean(),
        "exact_match": (guess == t).all(1).mean(),
        "f1": np.mean(f1),
        "auroc": np.mean([area(p[:, k], t[:, k]) for k in range(3)]),
    }
    found = measured("multilabel", ["accuracy", {"hamming": {"average": "micro"}}, "exact_match", "f1", "auroc"])
    assert found == pytest.approx(expected, rel=1e-4)


def ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort(0).argsort(0).astype(float)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["regression", "single"])
def test_metrics_of_numbers_are_logged_for_each_target(kind: str) -> None:
    outputs, targets = batch(kind)
    o, t = outputs.double().numpy(), targets.double().numpy()
    columns = range(o.shape[1])
    pearson = [np.corrcoef(o[:, k], t[:, k])[0, 1] for k in columns]
    spearman = [np.corrcoef(ranks(o)[:, k], ranks(t)[:, k])[0, 1] for k in columns]
    expected = {
        "mape": np.mean(np.abs((o - t) / t)),
        "pearson": np.mean(pearson),
        "spearman": np.mean(spearman),
        "explained_variance": np.mean(1 - (o - t).var(0) / t.var(0)),
    }
    if kind == "regression":
        expected |= {f"pearson_{name}": value for name, value in zip("xy", pearson, strict=True)}
        expected |= {f"spearman_{name}": value for name, value in zip("xy", spearman, strict=True)}
    assert measured(kind, ["mape", "pearson", "spearman", "explained_variance"]) == pytest.approx(expected, rel=1e-4)


def test_errors_in_units_have_no_mean_over_several_targets() -> None:
    outputs, targets = batch("regression")
    error = (outputs - targets).double()
    metrics = ["mse", "mae", {"pooled": MeanSquaredError()}]
    expected = {f"mse_{name}": error[:, k].square().mean().item() for k, name in enumerate("xy")}
    expected |= {f"mae_{name}": error[:, k].abs().mean().item() for k, name in enumerate("xy")}
    expected["pooled"] = error.square().mean().item()  # an object says itself that it has one number
    assert measured("regression", metrics) == pytest.approx(expected)
    names = made_task("regression", metrics).metric_names
    assert {f"val/{name}" for name in expected} <= set(names)
    assert not {"val/mse", "val/mae"} & set(names)
    assert measured("regression", [{"mse": {"num_outputs": 1}}]) == pytest.approx({"mse": expected["pooled"]})
    outputs, targets = batch("single")
    assert measured("single", "mse") == pytest.approx({"mse": (outputs - targets).square().mean().item()})


def test_values_of_each_class_have_its_name() -> None:
    outputs, targets = batch("multiclass")
    guess = outputs.argmax(1)
    each = [(guess[targets == k] == k).double().mean().item() for k in range(3)]
    found = measured("multiclass", [{"recall": {"average": "none"}}])
    assert found == pytest.approx(
        {"recall": np.mean(each), **dict(zip(("recall_cat", "recall_dog", "recall_a_b"), each, strict=True))}
    )
    names = made_task("multiclass", [{"recall": {"average": "none"}}]).metric_names
    assert {"val/recall", "val/recall_a_b", "test/recall_dog"} <= set(names)
    assert not any(name.startswith("train/recall") for name in names)


def test_probabilities_do_not_depend_on_the_range_of_the_logits_in_a_batch() -> None:
    outputs, targets = torch.tensor([[0.9, 0.8, 0.1], [0.2, 0.3, 0.9]]), torch.tensor([0, 2])
    top = outputs.softmax(1).max(1).values
    found = measured("multiclass", ["calibration_error"], (outputs, targets))
    assert found["calibration_error"] == pytest.approx((1 - top).mean().item(), rel=1e-5)


class Middle(MeanMetric):
    """A metric of a project: the mean of all scores."""

    def update(self, scores: Tensor, targets: Tensor) -> None:
        super().update(scores)


def test_a_metric_of_a_project_gets_the_same_and_each_split_has_its_own() -> None:
    own = Middle()
    task = made_task("multiclass", [{"own": own}, Middle()])
    outputs, targets = batch("multiclass")
    task.val_epoch.add(task.loss(outputs, targets), outputs, targets)
    found = task.val_epoch.compute()
    assert found["own"] == pytest.approx(1 / 3)
    assert found["middle"] == pytest.approx(1 / 3)
    assert own.update_count == 0
    assert task.test_epoch.metrics["own"].update_count == 0


class WithDefaults(Plain):
    TARGETS = "classification"

    def metrics(self, split: str) -> dict[str, Any]:
        return {"acc": Middle()}


def test_a_metric_of_the_task_is_replaced_by_one_with_arguments() -> None:
    spec = SPECS["multiclass"]
    same = WithDefaults(nn.Linear(3, 3), spec, metrics=["acc"])
    other = WithDefaults(nn.Linear(3, 3), spec, metrics=[{"acc": {"top_k": 2}}])
    assert isinstance(same.val_epoch.metrics["acc"], Middle)
    assert not isinstance(other.val_epoch.metrics["acc"], Middle)
    assert isinstance(other.train_epoch.metrics["acc"], Middle)


def test_the_state_of_an_epoch_includes_them() -> None:
    outputs, targets = batch("multiclass")
    one, other = made_task("multiclass", ["auroc", "f1"]), made_task("multiclass", ["auroc", "f1"])
    one.val_epoch.add(one.loss(outputs[:9], targets[:9]), outputs[:9], targets[:9])
    one.val_epoch.compute()
    other.val_epoch.load_state(copy.deepcopy(one.val_epoch.state()))
    for task in (one, other):
        task.val_epoch.add(task.loss(outputs[9:], targets[9:]), outputs[9:], targets[9:])
    assert one.val_epoch.compute() == other.val_epoch.compute()


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["mse"], r"^task\.metrics: mse is a metric of numbers"),
        ([{"recall": {"top_k": 9}}], r"^task\.metrics: recall refuses its arguments"),
        ([{"own": nn.Linear(1, 1)}], r"^task\.metrics: own is no metric of torchmetrics"),
        ([MulticlassConfusionMatrix(3)], r"^task\.metrics: multiclass_confusion_matrix is no number"),
    ],
    ids=["kind", "value", "object", "matrix"],
)
def test_what_is_no_metric_of_such_a_task_is_refused(metrics: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        measured("multiclass", metrics)


def test_a_task_of_no_kind_has_no_metrics_by_name() -> None:
    with pytest.raises(UserError, match=r"^task\.metrics: f1 needs a task whose class says what it predicts, by KIND"):
        Plain(nn.Linear(3, 3), SPECS["multiclass"], metrics="f1")
