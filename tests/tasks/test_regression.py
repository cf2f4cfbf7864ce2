import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from leyden import DataSpec, OptimizerFactory, UserError, build_task, compose
from myproject.tasks.regression import Regression
from myproject.tasks.regression_metrics import metric_suffixes

MEAN, STD = (10.0, -3.0), (4.0, 0.5)
PLAIN = {"target_mean": (0.0, 0.0), "target_std": (1.0, 1.0)}


def made_spec(**settings: Any) -> DataSpec:
    facts = {"target_names": ("a", "b"), "target_mean": MEAN, "target_std": STD}
    return DataSpec("regression", (3,), 2, **facts | settings)


def made_task(spec: DataSpec | None = None, **settings: Any) -> Regression:
    return Regression(nn.Linear(3, 2), spec or made_spec(), OptimizerFactory(partial(SGD, lr=0.1)), **settings)


def pairs(number: int = 50) -> tuple[Tensor, Tensor]:
    """Outputs and targets, some near to each other and some far."""
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randn(number, 2, generator=generator)
    return outputs, outputs + 2 * torch.randn(number, 2, generator=generator) ** 3


def formula(loss: str, outputs: Tensor, targets: Tensor, delta: float) -> float:
    """In double precision, as it stands in a book."""
    o, t = outputs.double().numpy(), targets.double().numpy()
    off = np.abs(o - t)
    each = {
        "mse": off**2,
        "l1": off,
        "smooth_l1": np.where(off < delta, off**2 / (2 * delta), off - delta / 2),
        "huber": np.where(off < delta, off**2 / 2, delta * (off - delta / 2)),
        "poisson": np.exp(o) - t * o,
    }
    return float(each[loss].mean())


@pytest.mark.parametrize("delta", [1.0, 0.3])
@pytest.mark.parametrize("loss", ["mse", "l1", "smooth_l1", "huber", "poisson"])
def test_each_loss_is_the_mean_of_its_formula(loss: str, delta: float) -> None:
    outputs, targets = pairs()
    spec = made_spec(**PLAIN) if loss == "poisson" else None
    value = made_task(spec, loss=loss, delta=delta).loss(outputs, targets)
    assert value.item() == pytest.approx(formula(loss, outputs, targets, delta), rel=1e-5)


def measured(task: Regression, outputs: Tensor, targets: Tensor, sizes: list[int]) -> dict[str, float]:
    for some_outputs, some_targets in zip(outputs.split(sizes), targets.split(sizes), strict=True):
        task.val_epoch.add(task.loss(some_outputs, some_targets), some_outputs, some_targets)
    return {name: value.item() for name, value in task.val_epoch.compute().items()}


def test_each_of_several_targets_is_measured_by_name_in_its_own_unit() -> None:
    outputs, targets = pairs()
    o, t = (values.double().numpy() * STD + MEAN for values in (outputs, targets))
    metrics = measured(made_task(), outputs, targets, [50])
    each = {"mae": np.abs(o - t).mean(0), "rmse": ((o - t) ** 2).mean(0) ** 0.5}
    each["r2"] = 1 - ((o - t) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)
    for name, (a, b) in each.items():
        assert metrics[f"{name}_a"] == pytest.approx(a, rel=1e-4)
        assert metrics[f"{name}_b"] == pytest.approx(b, rel=1e-4)
    assert metrics.keys() == {"loss", *each, *(f"{name}_{target}" for name in each for target in "ab")}


@pytest.mark.parametrize("scaled", [True, False])
def test_what_sums_several_targets_up_mixes_no_units(scaled: bool) -> None:
    outputs, targets = pairs()
    facts = {"target_center": MEAN, "target_spread": STD}
    spec = made_spec(**(facts if scaled else facts | PLAIN))
    std, mean = torch.tensor(STD), torch.tensor(MEAN)
    handed = (outputs, targets) if scaled else (outputs * std + mean, targets * std + mean)
    metrics = measured(made_task(spec), *handed, [50])
    off = (outputs - targets).double()
    assert metrics["mae"] == pytest.approx(off.abs().mean().item(), rel=1e-4)
    assert metrics["rmse"] == pytest.approx(off.square().mean().sqrt().item(), rel=1e-4)
    assert metrics["r2"] == pytest.approx((metrics["r2_a"] + metrics["r2_b"]) / 2, rel=1e-5)


def test_training_measures_several_targets_together_only() -> None:
    task, (outputs, targets) = made_task(), pairs()
    task.train_epoch.add(task.loss(outputs, targets), outputs, targets)
    assert task.train_epoch.compute().keys() == {"loss", "mae", "rmse", "r2"}


@pytest.mark.parametrize(
    ("names", "suffixes"),
    [
        (["weight", "a-b"], ["weight", "a-b"]),
        (["weight (kg)", "m/s", "a.b"], ["weight_kg", "m_s", "a_b"]),
        (["a b", "a_b", "a.b"], ["a_b", "a_b_2", "a_b_3"]),
        (["x_3", "x", "x."], ["x_3", "x", "x_3_3"]),
        (["%", "?", "größe"], ["target", "target_2", "größe"]),
        (["step", "last_step"], ["step_", "last_step_"]),
    ],
)
def test_targets_of_any_name_have_metrics_of_plain_names(names: list[str], suffixes: list[str]) -> None:
    assert metric_suffixes(names) == suffixes
    number = len(names)
    spec = DataSpec(
        "regression", (3,), number, target_names=tuple(names), target_mean=(0.0,) * number, target_std=(1.0,) * number
    )
    task = Regression(nn.Linear(3, number), spec)
    outputs = torch.randn(9, number)
    task.val_epoch.add(torch.zeros(()), outputs, outputs + 1)
    found = {f"val/{name}" for name in task.val_epoch.compute()}
    assert found == {name for name in task.metric_names if name.startswith("val/")}
    assert {f"test/rmse_{suffix}" for suffix in suffixes} <= set(task.metric_names)


@pytest.mark.parametrize("sizes", [[7, 40, 3], [1, 49], [1] * 50])
def test_batches_of_unequal_sizes_count_by_item(sizes: list[int]) -> None:
    at_once = measured(made_task(), *pairs(), [50])
    assert measured(made_task(), *pairs(), sizes) == pytest.approx(at_once, rel=1e-5)


def test_one_target_is_measured_too() -> None:
    outputs, targets = (values[:, :1] for values in pairs())
    spec = DataSpec("regression", (3,), 1, target_names=("a",), target_mean=(10.0,), target_std=(4.0,))
    task = Regression(nn.Linear(3, 1), spec, OptimizerFactory(partial(SGD, lr=0.1)))
    metrics = measured(task, outputs, targets, [20, 30])
    assert metrics.keys() == {"loss", "mae", "rmse", "r2"}
    assert metrics["mae"] == pytest.approx(4 * (outputs - targets).abs().mean().item())
    assert metrics["rmse"] == pytest.approx(4 * (outputs - targets).square().mean().sqrt().item())


def test_a_single_item_has_no_share_of_variance() -> None:
    outputs, targets = pairs(1)
    metrics = measured(made_task(), outputs, targets, [1])
    assert all(math.isnan(metrics[name]) for name in ("r2", "r2_a", "r2_b"))
    assert all(math.isfinite(metrics[name]) for name in ("loss", "mae", "rmse"))


def test_values_undo_the_scaling() -> None:
    values = made_task().values(torch.tensor([[0.0, 0.0], [1.0, -2.0]]))
    assert values.tolist() == [[10, -3], [14, -4]]


def test_poisson_gives_counts() -> None:
    task = made_task(made_spec(**PLAIN), loss="poisson")
    assert task.values(torch.tensor([[0.0, math.log(5)]])).tolist() == [[1, pytest.approx(5)]]
    logs, counts = torch.tensor([[0.0, 1.0]] * 3), torch.tensor([[1.0, 3.0], [2.0, 2.0], [0.0, 4.0]])
    off = (logs.exp() - counts).abs()
    metrics = measured(task, logs, counts, [3])
    assert metrics["mae"] == pytest.approx(off.mean().item())
    assert metrics["mae_b"] == pytest.approx(off[:, 1].mean().item())


@pytest.mark.parametrize("scaling", [{"target_mean": (0.0, 0.1)}, {"target_std": (1.0, 2.0)}, {}], ids=str)
def test_poisson_refuses_scaled_targets(scaling: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"^task\.loss=poisson: .*data\.scale_target=false"):
        made_task(made_spec(**(PLAIN | scaling if scaling else {})), loss="poisson")


def test_the_scaling_is_a_fact_not_something_learned() -> None:
    assert made_task().state_dict().keys() == {"network.weight", "network.bias"}


def test_classification_of_numbers_is_refused() -> None:
    config = compose(["experiment=csv_mlp", "task=classification"]).config
    spec = made_spec(columns={"features": []})
    with pytest.raises(UserError, match=r"^task=classification: .*try task=regression$"):
        build_task(config, spec)


def test_regression_of_classes_is_refused() -> None:
    config = compose(["experiment=mnist_mlp", "task=regression"]).config
    spec = DataSpec("classification", (1, 28, 28), 10, tuple("0123456789"), (0.1,), (0.3,))
    with pytest.raises(
        UserError, match=r"^task=regression: these data are for classification; try task=classification$"
    ):
        build_task(config, spec)


@pytest.mark.parametrize(("mean", "std"), [(2000.0, 5.0), (1e5, 10.0), (1.6e9, 1e6)])
def test_metrics_hold_where_targets_are_far_from_zero(mean: float, std: float) -> None:
    task = made_task(made_spec(target_mean=(mean, -mean), target_std=(std, std)))
    outputs, targets = pairs(2000)
    task.val_epoch.add(torch.zeros(()), outputs, targets)
    measured = {name: value.item() for name, value in task.val_epoch.compute().items()}
    o, t = outputs.double(), targets.double()
    r2 = (1 - (o - t).square().sum(0) / (t - t.mean(0)).square().sum(0)).mean().item()
    assert measured["r2"] == pytest.approx(r2, abs=1e-3)
    assert measured["mae"] == pytest.approx((o - t).abs().mean().item(), rel=1e-2)
    assert measured["mae_a"] == pytest.approx((o - t).abs()[:, 0].mean().item() * std, rel=1e-2)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1e-4), (1e5, 10.0)])
def test_the_explained_share_of_targets_that_are_not_scaled_is_theirs_too(mean: float, std: float) -> None:
    """Sums of squares of tiny numbers pass for zero, and those of large ones leave no differences."""
    facts = {"target_center": (mean,), "target_spread": (std,), "target_mean": (0.0,), "target_std": (1.0,)}
    task = Regression(nn.Linear(3, 1), DataSpec("regression", (3,), 1, target_names=("a",), **facts))
    outputs, targets = (values[:, :1] for values in pairs(200))
    expected = 1 - (outputs - targets).square().sum() / (targets - targets.mean()).square().sum()
    task.val_epoch.add(torch.zeros(()), outputs * std + mean, targets * std + mean)
    assert task.val_epoch.compute()["r2"].item() == pytest.approx(expected.item(), abs=5e-3)


def test_predictions_are_told_by_name_in_the_units_of_the_targets() -> None:
    told = made_task().predictions(torch.tensor([[0.0, 2.0], [-1.0, 0.0]]), torch.zeros(2, 3))
    assert {name: torch.as_tensor(values).tolist() for name, values in told.items()} == {"a": [10, 6], "b": [-2, -3]}
    counts = made_task(made_spec(**PLAIN), loss="poisson").predictions(torch.zeros(1, 2), torch.zeros(1, 3))
    assert torch.as_tensor(counts["a"]).tolist() == [1]


def test_a_predicted_distribution_is_told_in_the_units_of_the_targets() -> None:
    task = made_task(loss="gaussian_nll")
    wide = torch.tensor([[0.0, 2.0, math.log(math.e**4 - 1), math.log(math.e - 1)]])  # variances 4 and 1
    told = {name: torch.as_tensor(of).tolist() for name, of in task.predictions(wide, torch.zeros(1, 3)).items()}
    assert told == {
        "a": [10],
        "a_std": [pytest.approx(8)],
        "b": [-2],
        "b_std": [pytest.approx(0.5)],
    }
    assert task.item_errors(wide, torch.tensor([[1.0, 2.0]])).tolist() == [0.5]
    quantiles = made_task(loss={"quantile": {"quantiles": [0.1, 0.5]}})
    told = {
        name: torch.as_tensor(of).tolist()
        for name, of in quantiles.predictions(torch.tensor([[-1.0, -2.0, 0.0, 0.0]]), torch.zeros(1, 3)).items()
    }
    assert told == {"a": [10], "a_q0.1": [6], "a_q0.5": [10], "b": [-3], "b_q0.1": [-4], "b_q0.5": [-3]}


@pytest.mark.parametrize(("loss", "size"), [("mse", 2), ("gaussian_nll", 4), ({"quantile": {"quantiles": [0.3]}}, 2)])
def test_the_network_has_the_outputs_that_the_loss_needs(loss: Any, size: int) -> None:
    assert Regression.output_size(made_spec(), loss) == size
    config = compose(["experiment=csv_linear"]).config
    config["task"]["loss"] = loss
    facts = {"columns": {"features": []}, "input_dtype": "float32"}
    task = build_task(config, made_spec(**facts))
    assert task(torch.zeros(5, 3)).shape == (5, size)


def test_delta_is_of_huber_unless_the_loss_states_it() -> None:
    outputs, targets = pairs()
    old, new = made_task(loss="huber", delta=0.3), made_task(loss={"huber": {"delta": 0.3}}, delta=2.0)
    assert old.loss(outputs, targets) == new.loss(outputs, targets)
