"""Numbers."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric, MetricCollection
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score

from leyden.data.spec import DataSpec
from leyden.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory
from leyden.tasks.task import Predictions, Task


class Regression(Task):
    """A loss on scaled targets; mean absolute error, root mean squared error and R² in the targets' own units.

    Of several targets each metric is the mean (RMSE: the root of the mean squared error over all).

    Args:
        loss: mse; l1; smooth_l1 and huber, which are squared near zero and straight beyond `delta`; poisson, the
            negative log-likelihood of counts whose logarithm the network gives.
        delta: where smooth_l1 and huber turn straight, in standard deviations of the target.

    The others are those of Task.

    Raises:
        UserError: counts, as poisson needs them, must not be scaled.
    """

    TARGETS: ClassVar = "regression"

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory | None = None,
        loss: Literal["mse", "l1", "smooth_l1", "huber", "poisson"] = "mse",
        delta: float = 1.0,
    ) -> None:
        super().__init__(network, spec, optimizer, scheduler, _metrics(spec), _metrics(spec))
        if loss == "poisson" and (any(spec.target_mean) or set(spec.target_std) != {1.0}):
            raise UserError("task.loss=poisson: needs the counts as they are; add data.scale_target=false")
        self.loss_name, self.delta = loss, delta
        self.target_mean: Tensor
        self.target_std: Tensor
        self.register_buffer("target_mean", torch.tensor(spec.target_mean), persistent=False)  # they stand in the spec
        self.register_buffer("target_std", torch.tensor(spec.target_std), persistent=False)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over (B, targets) scaled outputs and targets."""
        if self.loss_name == "l1":
            return F.l1_loss(outputs, targets)
        if self.loss_name == "smooth_l1":
            return F.smooth_l1_loss(outputs, targets, beta=self.delta)
        if self.loss_name == "huber":
            return F.huber_loss(outputs, targets, delta=self.delta)
        if self.loss_name == "poisson":
            return F.poisson_nll_loss(outputs, targets)
        return F.mse_loss(outputs, targets)

    def values(self, outputs: Tensor) -> Tensor:
        """Predictions in the targets' own units, from (B, targets) outputs."""
        if self.loss_name == "poisson":
            return outputs.exp()
        return outputs * self.target_std + self.target_mean

    def measured(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.values(outputs), targets * self.target_std + self.target_mean

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """The number of each target, by its name."""
        return dict(zip(self.spec.target_names, self.values(outputs).unbind(1), strict=True))


class R2(R2Score):
    """The share of the targets' variance that predictions explain; NaN of a single item, which has none.

    It is taken of scaled values, of which it is the same: the squares of targets that are far from zero would leave
    nothing of their differences in 32 bits.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(spec.target_mean), persistent=False)
        self.register_buffer("std", torch.tensor(spec.target_std), persistent=False)

    def update(self, preds: Tensor, target: Tensor) -> None:
        super().update((preds - self.mean) / self.std, (target - self.mean) / self.std)

    def compute(self) -> Tensor:
        return super().compute() if self.total > 1 else torch.tensor(torch.nan)


def _metrics(spec: DataSpec) -> MetricCollection:
    metrics: dict[str, Metric | MetricCollection] = {
        "mae": MeanAbsoluteError(),
        "rmse": MeanSquaredError(squared=False),
        "r2": R2(spec),
    }
    return MetricCollection(metrics, compute_groups=False)  # groups merge metrics that agree once by chance
