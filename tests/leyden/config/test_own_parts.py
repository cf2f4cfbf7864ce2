"""Losses and metrics in a config: by name, by class, and what is refused before torch is imported."""

import subprocess
import sys
from typing import Any

import pytest

from leyden.config.loss_names import parsed_loss
from leyden.config.metric_names import METRICS, canonical, check_metrics, entries, resolved
from leyden.config.monitored_metrics import check_monitor
from leyden.config.own_parts import check_parts, with_own_parts
from leyden.config.signature import signature_of
from leyden.system.errors import UserError

CLASSIFICATION = "myproject.tasks.classification.Classification"
REGRESSION = "myproject.tasks.regression.Regression"


def changed(**task: Any) -> dict[str, Any]:
    return dict(with_own_parts({"task": {"_target_": REGRESSION, **task}})["task"])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("huber", "huber"),
        ("torch.nn.HuberLoss", "huber"),
        ({"torch.nn.HuberLoss": {"delta": 2}}, {"huber": {"delta": 2}}),
        ({"_target_": "torch.nn.modules.loss.HuberLoss", "delta": 2}, {"huber": {"delta": 2}}),
        ({"huber": {"delta": 2}}, {"huber": {"delta": 2}}),
        ("leyden.tasks.losses.OwnLoss", {"_target_": "leyden.tasks.losses.OwnLoss"}),
        (
            {"leyden.tasks.losses.make_loss": {"kind": "x"}},
            {"_target_": "leyden.tasks.losses.make_loss", "_partial_": True, "kind": "x"},
        ),
    ],
    ids=str,
)
def test_a_loss_has_one_form(loss: Any, expected: Any) -> None:
    assert changed(loss=loss)["loss"] == expected


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ("mape", ["mape"]),
        ({"mape": None, "kendall": {"variant": "c"}}, ["mape", {"kendall": {"variant": "c"}}]),
        (["torchmetrics.SpearmanCorrCoef"], ["spearman"]),
        ([{"own": {"_target_": "a.B"}}], [{"own": {"_target_": "a.B"}}]),
        ({"own": {"_target_": "a.B"}}, [{"own": {"_target_": "a.B"}}]),
        ({"_target_": "a.B", "x": 1}, [{"_target_": "a.B", "x": 1}]),
        (None, None),
    ],
    ids=str,
)
def test_metrics_are_a_list(metrics: Any, expected: Any) -> None:
    assert changed(metrics=metrics)["metrics"] == expected


def test_settings_of_the_same_name_of_other_classes_are_left_alone() -> None:
    node = {"_target_": "torch.nn.Linear", "loss": "a.b", "metrics": "x"}
    assert with_own_parts({"task": node})["task"] == node
    check_parts(node)


@pytest.mark.parametrize(
    ("target", "task", "message"),
    [
        (
            CLASSIFICATION,
            {"loss": "bce"},
            r"^task\.loss=bce: .*choose task=binary or task=multilabel, or task\.loss=cross",
        ),
        (REGRESSION, {"loss": "cross_entropy"}, r"choose task=classification, or task\.loss=mse"),
        (CLASSIFICATION, {"loss": "mse", "label_smoothing": 0.1}, r"^task\.label_smoothing=0\.1: .*label_smoothing=0$"),
        (REGRESSION, {"loss": "hubr"}, r"^task\.loss=hubr: there is no such loss; did you mean task\.loss=huber\?$"),
        (REGRESSION, {"loss": {"huber": {"dleta": 1}}}, r"^task\.loss\.huber\.dleta: .*did you mean delta\?$"),
        (REGRESSION, {"loss": {"huber": {"delta": 0}}}, r"^task\.loss\.huber\.delta=0: must be greater than 0$"),
        (REGRESSION, {"loss": {"huber": {"delta": "a"}}}, r"^task\.loss\.huber\.delta=a: must be a number$"),
        (REGRESSION, {"loss": {"huber": 2}}, r"write arguments by name, as task\.loss='\{huber: \{delta: …\}\}'$"),
        (REGRESSION, {"loss": {"l1": None, "mse": None}}, r"names 2 losses, l1 and mse; add '~task\.loss\.l1'"),
        (
            REGRESSION,
            {"loss": {"quantile": {"quantiles": [0.1, 1]}}},
            r"quantiles=\[0\.1,1\]: must be greater than 0 and",
        ),
        (REGRESSION, {"loss": {"quantile": {"quantiles": []}}}, r"must be a list of different numbers$"),
        (REGRESSION, {"loss": 3}, r"^task\.loss=3: must be a loss, as task\.loss=mse$"),
        (CLASSIFICATION, {"loss": {"focal": {"alpha": 0.2}}}, r"add task\.class_weights$"),
        (REGRESSION, {"loss": {"_target_": "leyden.tasks.losses.Nothing"}}, r"there is no such class or function$"),
        (
            CLASSIFICATION,
            {"metrics": ["mse"]},
            r"mse is a metric of numbers, and this task predicts classes; there are: acc",
        ),
        (REGRESSION, {"metrics": ["auroc"]}, r"auroc is a metric of classes or labels, and this task predicts numbers"),
        (REGRESSION, {"metrics": ["mapee"]}, r"^task\.metrics: there is no metric mapee; did you mean mape\?$"),
        (
            CLASSIFICATION,
            {"metrics": [{"auroc": {"averge": 1}}]},
            r"auroc has no argument averge; did you mean average\?$",
        ),
        (
            CLASSIFICATION,
            {"metrics": [{"auroc": {"average": "x"}}]},
            r"auroc\.average=x must be one of macro, weighted",
        ),
        (CLASSIFICATION, {"metrics": ["fbeta"]}, r"fbeta needs the argument beta; write '\{fbeta: \{beta: …\}\}'$"),
        (CLASSIFICATION, {"metrics": ["auroc", "auroc"]}, r"auroc is named twice"),
        (CLASSIFICATION, {"metrics": [3]}, r"^task\.metrics: 3 is no metric"),
    ],
)
def test_a_mistake_is_refused_with_what_fits(target: str, task: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_parts({"_target_": target, **task})


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_has_a_class_whose_arguments_are_known(name: str) -> None:
    for kind in METRICS[name].kinds:
        given = {"fbeta": {"beta": 2.0}, "minkowski": {"p": 3}}.get(name, {})
        target, arguments = resolved(name, given, kind)
        signature = signature_of(target)
        assert signature is not None
        assert arguments.keys() <= signature.parameters.keys()


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("acc", "accuracy"),
        ("F1Score", "f1"),
        ("MulticlassF1Score", "f1"),
        ("torchmetrics.classification.BinaryAUROC", "auroc"),
        ("torchmetrics.MeanAbsolutePercentageError", "mape"),
        ("myproject.metrics.F1Score", None),
        ("nothing", None),
    ],
)
def test_metrics_have_the_names_of_torchmetrics_too(name: str, own: str | None) -> None:
    assert canonical(name) == own


def test_metrics_are_logged_under_the_names_that_are_typed() -> None:
    given = ["acc", "F1Score", {"second": {"_target_": "a.b.Third"}}, {"_target_": "a.b.FourthOne"}, {"auroc": {}}]
    assert [name for name, _ in entries(given)] == ["acc", "f1", "second", "fourth_one", "auroc"]
    check_metrics(given, "multiclass")


def test_a_monitored_metric_of_these_is_suggested() -> None:
    config = {"monitor": "auroc", "mode": "max", "task": {"_target_": CLASSIFICATION, "metrics": ["auroc"]}}
    with pytest.raises(UserError, match=r"such as monitor=val/auroc$"):
        check_monitor(config)


def test_nothing_here_imports_torch() -> None:
    code = "import sys, leyden.config.own_parts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_class_of_a_project_is_no_name() -> None:
    assert parsed_loss({"_target_": "a.b.Loss", "x": 1}, "multiclass") is None
