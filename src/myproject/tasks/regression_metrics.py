"""Metrics of regression: of one target in its own unit, of several by name and in comparable units."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score

from leyden import DataSpec, metric_suffixes

Values = Tensor | dict[str, Tensor]


def regression_metrics(spec: DataSpec, by_target: bool = False) -> dict[str, Metric]:
    """`mae`, `rmse` and `r2`, of predictions (B, targets) and targets (B, targets) in the targets' own units.

    Args:
        spec: the facts about the data.
        by_target: also report each of several targets, as `mae_<target>` and so on.
    """
    many = spec.output_size > 1
    suffixes = metric_suffixes(spec.target_names) if many and by_target else []
    return {
        "mae": MAEOfTargets(spec, suffixes) if many else MeanAbsoluteError(),
        "rmse": RMSEOfTargets(spec, suffixes) if many else MeanSquaredError(squared=False),
        "r2": R2(spec, suffixes),
    }


class _OfTargets(Metric):
    """Error of several targets; a subclass takes its class of torchmetrics as a second base."""

    spread: Tensor

    def __init__(self, spec: DataSpec, suffixes: Sequence[str]) -> None:
        super().__init__(num_outputs=spec.output_size)
        self.suffixes = suffixes
        self.register_buffer("spread", torch.tensor(_spread(spec)), persistent=False)


class MAEOfTargets(_OfTargets, MeanAbsoluteError):  # noqa: N818  # a metric, not an exception
    """Mean absolute error: in standard deviations over all targets, and of each by name in its own unit."""

    def compute(self) -> Values:  # type: ignore[override]
        errors = super().compute()
        return _named("mae", (errors / self.spread).mean(), errors, self.suffixes)


class RMSEOfTargets(_OfTargets, MeanSquaredError):  # noqa: N818  # a metric, not an exception
    """Root mean squared error: in standard deviations over all targets, and of each by name in its own unit."""

    def compute(self) -> Values:  # type: ignore[override]
        errors = super().compute()
        return _named("rmse", (errors / self.spread.square()).mean().sqrt(), errors.sqrt(), self.suffixes)


class R2(R2Score):
    """The share of the targets' variance that predictions explain: the mean over all, and of each by name.

    NaN of a single item, which has no variance. It is taken of standardised values, of which it is the same: the
    squares of targets that are far from zero would leave nothing of their differences in 32 bits, and those of small
    ones would pass for rounding errors.
    """

    center: Tensor
    spread: Tensor

    def __init__(self, spec: DataSpec, suffixes: Sequence[str] = ()) -> None:
        super().__init__(multioutput="raw_values")
        self.suffixes = suffixes
        self.register_buffer("center", torch.tensor(spec.target_center or spec.target_mean), persistent=False)
        self.register_buffer("spread", torch.tensor(_spread(spec)), persistent=False)

    def update(self, preds: Tensor, target: Tensor) -> None:
        super().update((preds - self.center) / self.spread, (target - self.center) / self.spread)

    def compute(self) -> Values:  # type: ignore[override]
        each = super().compute() if self.total > 1 else torch.full_like(self.spread, torch.nan)
        return _named("r2", each.mean(), each, self.suffixes)


def _spread(spec: DataSpec) -> tuple[float, ...]:
    """Standard deviations of the targets; their scale in data that do not state them."""
    return spec.target_spread or spec.target_std


def _named(name: str, of_all: Tensor, each: Tensor, suffixes: Sequence[str]) -> Values:
    if not suffixes:
        return of_all
    named = {f"{name}_{suffix}": value for suffix, value in zip(suffixes, each.unbind(), strict=True)}
    return {name: of_all, **named}
