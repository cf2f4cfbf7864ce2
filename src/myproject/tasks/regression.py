"""Regression: one or several numbers."""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from leyden import (
    DataSpec,
    Evaluated,
    LossSetting,
    Plot,
    Predictions,
    Task,
    UserError,
    make_loss,
    metric_suffixes,
    outputs_per_target,
    regression_plots,
)
from myproject.tasks.regression_metrics import regression_metrics


class Regression(Task):
    """Loss on scaled targets; mean absolute error (MAE), root mean squared error (RMSE) and R².

    With one target `mae` and `rmse` are in its unit. With several, validation and test report each target by name and
    in its unit, such as `val/mae_weight`, `val/rmse_weight` and `val/r2_weight`; characters other than letters, digits,
    `-` and `_` become `_`. The averages over targets do not mix units: `mae` and `rmse` are in standard deviations of
    the training targets, and `r2` is the mean over the targets.

    Args:
        loss: by name, `{name: {argument: value}}`, or an object. gaussian_nll also predicts standard deviations, and
            quantile several quantiles of each target; the network has as many outputs.
        delta: threshold of smooth_l1 and huber, in standard deviations, if `loss` does not state it.

    The other arguments are those of Task.

    Raises:
        UserError: loss=poisson_nll with scaled targets.
    """

    TARGETS: ClassVar = "regression"
    KIND: ClassVar = "regression"
    METRICS: ClassVar = ("rmse", "mae", "r2", "loss")
    LIMITS: ClassVar = {"delta": "> 0"}

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        *parts: Any,
        loss: LossSetting = "mse",
        delta: float | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(network, spec, *parts, **settings)
        if delta is not None and loss in ("smooth_l1", "huber"):
            loss = {loss: {"beta" if loss == "smooth_l1" else "delta": delta}}
        self.criterion = make_loss(loss, "regression")
        if self.criterion.name == "poisson_nll" and (any(spec.target_mean) or set(spec.target_std) != {1.0}):
            raise UserError(f"task.loss={loss}: needs the counts as they are; add data.scale_target=false")
        self.target_mean: Tensor
        self.target_std: Tensor
        self.register_buffer("target_mean", torch.tensor(spec.target_mean), persistent=False)  # they are in the spec
        self.register_buffer("target_std", torch.tensor(spec.target_std), persistent=False)

    @classmethod
    def output_size(cls, spec: DataSpec, loss: LossSetting = "mse") -> int:
        return spec.output_size * outputs_per_target(loss)

    def metrics(self, split: str) -> dict[str, Metric]:
        return regression_metrics(self.spec, by_target=split != "train")

    def targets(self, batch: Any) -> Tensor:
        targets: Tensor = super().targets(batch)
        return targets.unsqueeze(1) if targets.dim() == 1 else targets  # (B,) of a single number

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, outputs) outputs and (B, targets) scaled targets."""
        loss: Tensor = self.criterion(outputs, targets)
        return loss

    @property
    def metric_names(self) -> list[str]:
        suffixes = metric_suffixes(self.spec.target_names) if self.spec.output_size > 1 else []
        each = [f"{name}_{suffix}" for suffix in suffixes for name in self.metrics("val")]
        return [*super().metric_names, *(f"{split}/{name}" for split in ("val", "test") for name in each)]

    def values(self, outputs: Tensor) -> Tensor:
        """Predictions in the units of the targets, (B, targets), from outputs."""
        return self.in_units(self.criterion.values(outputs))

    def in_units(self, scaled: Tensor) -> Tensor:
        return scaled * self.target_std + self.target_mean

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.values(outputs), self.in_units(targets)

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute error over the targets of each item, in standard deviations."""
        errors: Tensor = (self.criterion.values(outputs) - targets).abs()
        return errors.mean(dim=1)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from regression_plots(evaluated, self.metric_inputs, self.spec.target_names)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Predicted value of each target by its name; `<name>_std` or `<name>_q0.9` if the loss predicts these too."""
        names = self.spec.target_names
        parts = {"": self.values(outputs)}
        parts |= {f"_q{q:g}": self.in_units(part) for q, part in self.criterion.predicted_quantiles(outputs).items()}
        if (deviation := self.criterion.deviation(outputs)) is not None:
            parts["_std"] = deviation * self.target_std
        return {f"{name}{end}": part[:, place] for place, name in enumerate(names) for end, part in parts.items()}
