"""Losses by name: their formulas, and that each is the mean over the items."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from leyden.config.loss_names import LOSSES, outputs_per_target
from leyden.system.errors import UserError
from leyden.tasks.losses import make_loss

CLASSES, LABELS, TARGETS, ITEMS = 4, 3, 2, 20
EVERY = [(name, kind) for name, loss in LOSSES.items() for kind in loss.kinds]
OF_CLASSES = [name for name, kind in EVERY if kind == "multiclass"]


def batch(kind: str, name: str = "") -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    if kind == "multiclass":
        return torch.randn(ITEMS, CLASSES, generator=draw), torch.randint(0, CLASSES, (ITEMS,), generator=draw)
    if kind == "regression":
        outputs = torch.randn(ITEMS, TARGETS * outputs_per_target(name), generator=draw)
        return outputs, torch.randn(ITEMS, TARGETS, generator=draw).abs() * 2
    return torch.randn(ITEMS, LABELS, generator=draw), torch.randint(0, 2, (ITEMS, LABELS), generator=draw).float()


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)  # type: ignore[no-any-return]


def of_classes(name: str, o: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Loss of each item (B,), as it stands in a book."""
    p, rows = softmax(o), np.arange(len(t))
    own = p[rows, t]
    true = np.eye(CLASSES)[t]
    margins = np.maximum(0, 1 - o[rows, t][:, None] + o) * (1 - true)
    return {  # type: ignore[no-any-return]
        "cross_entropy": -np.log(own),
        "nll": -np.log(own),
        "kl_div": -np.log(own),
        "focal": -((1 - own) ** 2) * np.log(own),
        "mse": ((p - true) ** 2).sum(1),
        "multi_margin": margins.sum(1) / CLASSES,
    }[name]


def of_labels(name: str, o: np.ndarray, t: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-o))
    own = np.where(t == 1, p, 1 - p)
    each = {"bce": -np.log(own), "focal": -((1 - own) ** 2) * np.log(own), "mse": (p - t) ** 2}
    return each[name].mean(1)  # type: ignore[no-any-return]


def of_numbers(name: str, o: np.ndarray, t: np.ndarray) -> np.ndarray:
    if name == "gaussian_nll":
        variance = np.log1p(np.exp(o[:, TARGETS:]))
        return ((np.log(variance) + (o[:, :TARGETS] - t) ** 2 / variance) / 2).mean(1)  # type: ignore[no-any-return]
    if name == "quantile":
        error = [t - o[:, place * TARGETS : (place + 1) * TARGETS] for place in range(3)]
        each = [np.where(e > 0, q * e, (q - 1) * e) for q, e in zip((0.1, 0.5, 0.9), error, strict=True)]
        return np.mean(each, axis=(0, 2))  # type: ignore[no-any-return]
    error = np.abs(o - t)
    curved = np.where(error < 1, error**2 / 2, error - 0.5)
    each = {
        "mse": error**2,
        "l1": error,
        "huber": curved,
        "smooth_l1": curved,
        "log_cosh": np.log(np.cosh(error)),
        "poisson_nll": np.exp(o) - t * o,
    }
    return each[name].mean(1)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_each_loss_is_its_formula_and_the_mean_over_the_items(name: str, kind: str) -> None:
    outputs, targets = batch(kind, name)
    formula = {"multiclass": of_classes, "regression": of_numbers}.get(kind, of_labels)
    expected = formula(name, outputs.double().numpy(), targets.numpy())
    loss = make_loss(name, kind)
    assert loss(outputs, targets).item() == pytest.approx(expected.mean(), rel=1e-4)
    assert loss.items(outputs, targets).tolist() == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_gradients_are_finite_for_certain_outputs(name: str, kind: str) -> None:
    outputs, targets = batch(kind, name)
    sure = (outputs * 80).requires_grad_() if kind != "regression" else outputs.clone().requires_grad_()
    make_loss(name, kind)(sure, targets).backward()
    assert sure.grad is not None
    assert sure.grad.isfinite().all()


@pytest.mark.parametrize("name", OF_CLASSES)
def test_class_weights_are_factors_and_no_divisor(name: str) -> None:
    outputs, targets = batch("multiclass")
    weight, loss = torch.tensor([1.0, 9.0, 0.5, 0.0]), make_loss(name, "multiclass")
    expected = (loss.items(outputs, targets) * weight[targets]).mean()
    assert loss(outputs, targets, weight).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 2)], ids=str)  # (2, 2): as many rows as columns
@pytest.mark.parametrize("name", OF_CLASSES)
def test_losses_of_dense_targets_are_those_of_their_positions(name: str, shape: tuple[int, ...]) -> None:
    draw, loss = torch.Generator().manual_seed(3), make_loss(name, "multiclass")
    outputs = torch.randn(ITEMS, CLASSES, *shape, generator=draw)
    targets = torch.randint(0, CLASSES, (ITEMS, *shape), generator=draw)
    rows, weight = outputs.movedim(1, -1).reshape(-1, CLASSES), torch.tensor([1.0, 9.0, 0.5, 0.0])
    for factors in (None, weight):
        expected = loss(rows, targets.flatten(), factors).item()
        assert loss(outputs, targets, factors).item() == pytest.approx(expected, rel=1e-5)
        if name != "multi_margin":
            shares = torch.eye(CLASSES)[targets].movedim(-1, 1)
            assert loss(outputs, shares, factors).item() == pytest.approx(expected, rel=1e-5)
    if name == "kl_div":
        assert loss(outputs, targets).item() == pytest.approx(nn.CrossEntropyLoss()(outputs, targets).item(), rel=1e-5)


def test_class_weights_of_a_loss_of_a_project_are_those_of_each_position() -> None:
    outputs, targets = torch.randn(2, CLASSES, 3, 5), torch.randint(0, CLASSES, (2, 3, 5))
    weight = torch.tensor([1.0, 9.0, 0.5, 0.0])
    expected = make_loss("cross_entropy", "multiclass")(outputs, targets, weight).item()
    assert make_loss(nn.CrossEntropyLoss(), "multiclass")(outputs, targets, weight).item() == pytest.approx(expected)
    by_class = make_loss(lambda outputs, targets: outputs, "multiclass")
    expected = (outputs.mean(dim=1) * weight[targets]).mean().item()
    assert by_class(outputs, targets, weight).item() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(UserError, match=r"^task\.class_weights: loss <lambda> returns 2 numbers for 30 items"):
        make_loss(lambda outputs, targets: outputs.flatten(1).mean(dim=1), "multiclass")(outputs, targets, weight)


@pytest.mark.parametrize(
    ("setting", "kind", "expected"),
    [
        ({"huber": {"delta": 0.3}}, "regression", nn.HuberLoss(delta=0.3)),
        ({"smooth_l1": {"beta": 0.3}}, "regression", nn.SmoothL1Loss(beta=0.3)),
        ("torch.nn.L1Loss", "regression", nn.L1Loss()),
        ("MSELoss", "regression", nn.MSELoss()),
        ("poisson", "regression", nn.PoissonNLLLoss()),
        ({"CrossEntropyLoss": {"label_smoothing": 0.2}}, "multiclass", nn.CrossEntropyLoss(label_smoothing=0.2)),
        ({"multi_margin": {"p": 2, "margin": 0.5}}, "multiclass", nn.MultiMarginLoss(p=2, margin=0.5)),
        ("BCEWithLogitsLoss", "multilabel", nn.BCEWithLogitsLoss()),
        ({"bce": {"pos_weight": [1, 2, 3]}}, "multilabel", nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2, 3]))),
        (
            {"bce": {"pos_weight": {"c": 3, "a": 1, "b": 2}}},
            "multilabel",
            nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2, 3])),
        ),
    ],
    ids=str,
)
def test_names_and_arguments_are_those_of_torch(setting: Any, kind: str, expected: nn.Module) -> None:
    outputs, targets = batch(kind)
    assert make_loss(setting, kind, "abc")(outputs, targets).item() == pytest.approx(expected(outputs, targets).item())


def test_the_divergence_of_smoothed_targets_is_zero_at_best() -> None:
    loss = make_loss("kl_div", "multiclass", label_smoothing=0.2)
    best = torch.full((1, CLASSES), 0.05).log()
    best[0, 1] = math.log(0.85)
    assert loss(best, torch.tensor([1])).item() == pytest.approx(0, abs=1e-6)


def test_a_focal_loss_without_focus_is_the_plain_one() -> None:
    outputs, targets = batch("multiclass")
    assert make_loss({"focal": {"gamma": 0}}, "multiclass")(outputs, targets).item() == pytest.approx(
        make_loss("cross_entropy", "multiclass")(outputs, targets).item()
    )
    outputs, targets = batch("multilabel")
    weighted = make_loss({"focal": {"gamma": 0, "alpha": 0.25}}, "multilabel").each(outputs, targets, "none")
    plain = make_loss("bce", "multilabel").each(outputs, targets, "none")
    assert torch.allclose(weighted, plain * torch.where(targets == 1, 0.25, 0.75))


def test_a_normal_distribution_and_quantiles_are_predicted_by_target() -> None:
    outputs, _ = batch("regression", "gaussian_nll")
    normal = make_loss("gaussian_nll", "regression")
    assert torch.equal(normal.values(outputs), outputs[:, :TARGETS])
    assert torch.allclose(normal.deviation(outputs) ** 2, outputs[:, TARGETS:].exp().log1p(), rtol=1e-4)
    setting = {"quantile": {"quantiles": [0.9, 0.4, 0.2]}}
    outputs, _ = batch("regression", setting)  # type: ignore[arg-type]
    quantiles = make_loss(setting, "regression")
    assert list(quantiles.predicted_quantiles(outputs)) == [0.2, 0.4, 0.9]
    assert torch.equal(quantiles.predicted_quantiles(outputs)[0.9], outputs[:, 2 * TARGETS :])
    assert torch.equal(quantiles.values(outputs), outputs[:, TARGETS : 2 * TARGETS])


@pytest.mark.parametrize(
    ("setting", "number"),
    [("mse", 1), ("gaussian_nll", 2), ("quantile", 3), ({"quantile": {"quantiles": [0.5]}}, 1), ("mistyped", 1)],
    ids=str,
)
def test_a_loss_says_how_many_outputs_a_target_needs(setting: Any, number: int) -> None:
    assert outputs_per_target(setting) == number


class Asymmetric(nn.Module):
    """A loss of a project, as one number."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        error = outputs - targets
        return torch.where(error > 0, error, -3 * error).mean()


def test_losses_of_a_project_are_objects() -> None:
    outputs, targets = batch("regression")
    own = make_loss(Asymmetric(), "regression")
    assert own(outputs, targets).item() == pytest.approx(Asymmetric()(outputs, targets).item())
    function = make_loss(lambda outputs, targets: (outputs - targets) ** 4, "regression")
    assert function(outputs, targets).item() == pytest.approx(((outputs - targets) ** 4).mean().item())
    assert torch.equal(own.values(outputs), outputs)


def test_a_loss_of_torch_with_weights_is_a_mean_over_items_too() -> None:
    outputs, targets = batch("multiclass")
    weight = torch.tensor([1.0, 9.0, 0.5, 0.0])
    weighted_loss = nn.CrossEntropyLoss(weight=weight)
    own = make_loss(weighted_loss, "multiclass")
    expected = make_loss("cross_entropy", "multiclass")(outputs, targets, weight)
    assert own(outputs, targets).item() == pytest.approx(expected.item())
    assert weighted_loss.reduction == "mean"  # the caller's object is unchanged


def test_class_weights_need_a_loss_of_each_item() -> None:
    own = make_loss(lambda outputs, targets: outputs.mean(), "multiclass")
    with pytest.raises(UserError, match=r"^task\.class_weights: loss <lambda> returns one number"):
        own(*batch("multiclass"), torch.ones(CLASSES))


@pytest.mark.parametrize(
    ("loss", "kind", "smoothing", "message"),
    [
        ("bce", "multiclass", 0.0, "choose task=binary or task=multilabel"),
        (nn.HuberLoss(), "multiclass", 0.0, "choose task=regression"),
        ("mse", "multiclass", 0.1, "add task.label_smoothing=0"),
        (Asymmetric(), "multiclass", 0.1, "add task.label_smoothing=0"),
        (
            nn.MSELoss(reduction="sum"),
            "regression",
            0.0,
            r"^task\.loss\.reduction=sum: .* write task\.loss\.reduction=mean$",
        ),
        ({"bce": {"pos_weight": [1, 2]}}, "multilabel", 0.0, "one for each of a, b, c"),
        ({"bce": {"pos_weight": {"a": 1, "d": 2}}}, "multilabel", 0.0, "name a, b, c"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(loss: Any, kind: str, smoothing: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_loss(loss, kind, "abc", smoothing)


def test_a_function_with_a_sum_is_refused() -> None:
    with pytest.raises(UserError, match=r"^task\.loss\.reduction=sum: "):
        make_loss(partial(nn.functional.mse_loss, reduction="sum"), "regression")


def test_losses_are_settings_not_something_learned() -> None:
    assert not make_loss({"bce": {"pos_weight": 3}}, "binary", "a").state_dict()
    assert not make_loss("quantile", "regression").state_dict()
