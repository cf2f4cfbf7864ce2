"""Regression: one or several numbers."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from leyden import (
    DataSpec,
    Evaluated,
    Plot,
    Predictions,
    Task,
    UserError,
    regression_plots,
)
from myproject.tasks.regression_metrics import metric_suffixes, regression_metrics


class Regression(Task):
    """Loss on scaled targets; mean absolute error (MAE), root mean squared error (RMSE) and R².

    With one target `mae` and `rmse` are in its unit. With several, validation and test report each target by name and
    in its unit, such as `val/mae_weight`, `val/rmse_weight` and `val/r2_weight`; characters other than letters, digits,
    `-` and `_` become `_`. The averages over targets do not mix units: `mae` and `rmse` are in standard deviations of
    the training targets, and `r2` is the mean over the targets.

    Args:
        loss: mse; l1; smooth_l1 and huber, quadratic below `delta` and linear above; poisson, the negative
            log-likelihood of counts whose logarithm the network predicts.
        delta: threshold of smooth_l1 and huber, in standard deviations of the target.

    The other arguments are those of Task.

    Raises:
        UserError: loss=poisson with scaled targets.
    """

    TARGETS: ClassVar = "regression"
    METRICS: ClassVar = ("rmse", "mae", "r2", "loss")
    LIMITS: ClassVar = {"delta": "> 0"}

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        *parts: Any,
        loss: Literal["mse", "l1", "smooth_l1", "huber", "poisson"] = "mse",
        delta: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(network, spec, *parts, **settings)
        if loss == "poisson" and (any(spec.target_mean) or set(spec.target_std) != {1.0}):
            raise UserError("task.loss=poisson: needs the counts as they are; add data.scale_target=false")
        self.loss_name, self.delta = loss, delta
        self.target_mean: Tensor
        self.target_std: Tensor
        self.register_buffer("target_mean", torch.tensor(spec.target_mean), persistent=False)  # they are in the spec
        self.register_buffer("target_std", torch.tensor(spec.target_std), persistent=False)

    def metrics(self, split: str) -> dict[str, Metric]:
        return regression_metrics(self.spec, by_target=split != "train")

    def targets(self, batch: Any) -> Tensor:
        targets: Tensor = super().targets(batch)
        return targets.unsqueeze(1) if targets.dim() == 1 else targets  # (B,) of a single number

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, targets) scaled outputs and targets."""
        if self.loss_name == "l1":
            return F.l1_loss(outputs, targets)
        if self.loss_name == "smooth_l1":
            return F.smooth_l1_loss(outputs, targets, beta=self.delta)
        if self.loss_name == "huber":
            return F.huber_loss(outputs, targets, delta=self.delta)
        if self.loss_name == "poisson":
            return F.poisson_nll_loss(outputs, targets)
        return F.mse_loss(outputs, targets)

    @property
    def metric_names(self) -> list[str]:
        suffixes = metric_suffixes(self.spec.target_names) if self.spec.output_size > 1 else []
        each = [f"{name}_{suffix}" for suffix in suffixes for name in self.val_epoch.metrics]
        return [*super().metric_names, *(f"{split}/{name}" for split in ("val", "test") for name in each)]

    def values(self, outputs: Tensor) -> Tensor:
        """Predictions in the units of the targets, from (B, targets) outputs."""
        if self.loss_name == "poisson":
            return outputs.exp()
        return outputs * self.target_std + self.target_mean

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.values(outputs), targets * self.target_std + self.target_mean

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute error over the targets of each item, in standard deviations."""
        return (outputs - targets).abs().mean(dim=1)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from regression_plots(evaluated, self.metric_inputs, self.spec.target_names)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Predicted value of each target, by its name."""
        return dict(zip(self.spec.target_names, self.values(outputs).unbind(1), strict=True))
