"""Losses by name or from a project's class: the loss of each item, and their mean whatever the weights of classes."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leyden.config.loss_names import QUANTILES, SMOOTHED, canonical, no_smoothing, parsed_loss
from leyden.system.errors import UserError

LossSetting = str | dict[str, Any] | nn.Module | Callable[..., Tensor]  # as a config or a caller gives it


def make_loss(loss: LossSetting, kind: str, names: Sequence[str] = (), label_smoothing: float = 0.0) -> Any:
    """Loss of a task.

    Args:
        loss: a name such as `huber`, also torch's (`HuberLoss`); `{name: {argument: value}}`; or an object that takes
            outputs and targets, whose result is the mean over the items, or one for each item.
        kind: of the task: multiclass, binary, multilabel or regression.
        names: of the labels, to which `pos_weight` may refer.
        label_smoothing: share of each target that is spread over all classes.

    Returns:
        A ClassLoss, LabelLoss, RegressionLoss or OwnLoss, by the kind.

    Raises:
        UserError: there is no such loss, it does not fit the kind of task, or refuses an argument.
    """
    if not isinstance(loss, str | Mapping):
        of_torch = isinstance(loss, nn.Module) and type(loss).__module__.startswith("torch.nn.")
        if of_torch and (known := canonical(type(loss).__name__)):
            parsed_loss(known, kind)
        if label_smoothing:
            raise no_smoothing(type(loss).__name__, label_smoothing)
        return OwnLoss(loss)
    parsed = parsed_loss(loss, kind)
    if parsed is None:
        raise UserError(f"task.loss={loss}: is not built; pass an object, or name one in a config")
    name, arguments = parsed
    if label_smoothing and name not in SMOOTHED:
        raise no_smoothing(name, label_smoothing)
    if label_smoothing:
        arguments = {"label_smoothing": label_smoothing, **arguments}
    if kind == "regression":
        return RegressionLoss(name, **arguments)
    return ClassLoss(name, **arguments) if kind == "multiclass" else LabelLoss(name, names, **arguments)


class Loss(nn.Module):
    """Mean loss over the items of a batch; a subclass computes that of each value.

    Args:
        name: in the table of losses.
        arguments: of the loss.
    """

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__()
        self.name, self.arguments = name, arguments

    def each(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        """Loss of each value (B, ...) with reduction="none"; with "mean" their mean."""
        raise NotImplementedError

    def items(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss (B,) of each item; of dense class indices (B, ...) that of each position."""
        return self.each(outputs, targets, "none").flatten(1).mean(dim=1)

    def forward(self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean loss.

        Args:
            outputs: (B, ...) of the network.
            targets: (B, ...).
            weight: (classes,) factor on the loss of each class. The mean is over the items, never over the weights.
        """
        if weight is None:
            return self.each(outputs, targets, "mean")
        weights = targets.movedim(1, -1) @ weight if targets.is_floating_point() else weight[targets]
        return (self.items(outputs, targets) * weights).mean()


class ClassLoss(Loss):
    """Losses of logits (B, classes, ...) and class indices (B, ...), of one item each, such as the pixels of an image.

    Floating-point targets are shares of the classes (B, classes, ...), such as those of MixUp.
    """

    def each(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        arguments, are_shares = self.arguments, targets.is_floating_point()
        if self.name == "cross_entropy" or (self.name == "nll" and are_shares):  # the same on logits
            return F.cross_entropy(outputs, targets, reduction=reduction, **arguments)
        if self.name == "nll":
            return F.nll_loss(outputs.log_softmax(dim=1), targets, reduction=reduction)
        if self.name == "multi_margin":
            each = _margins(outputs, targets, arguments)
        elif self.name == "focal":  # Lin et al. (2017)
            own = outputs.log_softmax(dim=1)
            each = -(_shares(targets, outputs) * _focus(own, arguments) * own).sum(dim=1)
        elif self.name == "kl_div":
            smoothing = arguments.get("label_smoothing", 0.0)
            true = _shares(targets, outputs) * (1 - smoothing) + smoothing / outputs.shape[1]
            each = F.kl_div(outputs.log_softmax(dim=1), true, reduction="none").sum(dim=1)
        else:  # the Brier score
            each = (outputs.softmax(dim=1) - _shares(targets, outputs)).square().sum(dim=1)
        return each.mean() if reduction == "mean" else each

    def items(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.each(outputs, targets, "none")

    def forward(self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
        if self.name == "cross_entropy" and weight is None:
            return F.cross_entropy(outputs, targets, **self.arguments)
        if self.name == "cross_entropy":  # weights apply to each share of a smoothed target
            return F.cross_entropy(outputs, targets, weight, reduction="none", **self.arguments).mean()
        return super().forward(outputs, targets, weight)


class LabelLoss(Loss):
    """Losses of (B, labels) logits and (B, labels) targets from 0 to 1.

    Args:
        name: in the table of losses.
        names: of the labels.
        pos_weight: of `bce`: factor on the loss of the positive items of each label, or of all.
        arguments: further ones.
    """

    pos_weight: Tensor | None

    def __init__(self, name: str, names: Sequence[str] = (), pos_weight: Any = None, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        weights = None if pos_weight is None else torch.tensor(_by_label(pos_weight, names), dtype=torch.float32)
        self.register_buffer("pos_weight", weights, persistent=False)  # a setting

    def each(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        targets = targets.to(outputs.dtype)
        if self.name == "bce":
            return F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=self.pos_weight, reduction=reduction)
        probability = outputs.sigmoid()
        if self.name == "mse":
            return F.mse_loss(probability, targets, reduction=reduction)
        own = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")  # −log of the target's probability
        each = own * _focus(-own, self.arguments)
        if (alpha := self.arguments.get("alpha")) is not None:
            each = each * (alpha * targets + (1 - alpha) * (1 - targets))
        return each.mean() if reduction == "mean" else each


class RegressionLoss(Loss):
    """Losses of (B, outputs) of a network and (B, targets) scaled targets.

    `gaussian_nll` takes two outputs for each target: all means first, then the variances before softplus. `quantile`
    takes one for each quantile: those of the first quantile for all targets, and so on.
    """

    quantiles: Tensor

    def __init__(self, name: str, **arguments: Any) -> None:
        levels = sorted(arguments.pop("quantiles", QUANTILES)) if name == "quantile" else []
        super().__init__(name, **arguments)
        self.levels = tuple(levels)
        self.register_buffer("quantiles", torch.tensor(levels).view(-1, 1), persistent=False)

    def each(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        arguments = {"reduction": reduction, **self.arguments}
        if self.name == "gaussian_nll":
            return F.gaussian_nll_loss(outputs[:, : targets.shape[1]], targets, self._variance(outputs), **arguments)
        if self.name == "quantile":
            error = targets[:, None] - self._parts(outputs)  # (B, quantiles, targets)
            each = torch.maximum(self.quantiles * error, (self.quantiles - 1) * error)
            return each.mean() if reduction == "mean" else each
        if self.name == "log_cosh":
            error = (outputs - targets).abs()  # cosh overflows
            each = error + F.softplus(-2 * error) - math.log(2)
            return each.mean() if reduction == "mean" else each
        functions: dict[str, Callable[..., Tensor]] = {
            "l1": F.l1_loss,
            "smooth_l1": F.smooth_l1_loss,
            "huber": F.huber_loss,
            "poisson_nll": F.poisson_nll_loss,
        }
        return functions.get(self.name, F.mse_loss)(outputs, targets, **arguments)

    def values(self, outputs: Tensor) -> Tensor:
        """Predictions (B, targets), scaled as the targets are: the median, or the nearest quantile, of several."""
        if self.name == "poisson_nll":
            return outputs.exp()
        if self.name == "gaussian_nll":
            return outputs[:, : outputs.shape[1] // 2]
        if self.name == "quantile":
            middle = min(range(len(self.levels)), key=lambda place: abs(self.levels[place] - 0.5))
            return self._parts(outputs)[:, middle]
        return outputs

    def deviation(self, outputs: Tensor) -> Tensor | None:
        """Predicted standard deviations (B, targets), scaled; None for a loss that predicts none."""
        return self._variance(outputs).sqrt() if self.name == "gaussian_nll" else None

    def predicted_quantiles(self, outputs: Tensor) -> dict[float, Tensor]:
        """Predicted quantiles (B, targets), scaled, by their level; empty for other losses."""
        return dict(zip(self.levels, self._parts(outputs).unbind(1), strict=True)) if self.levels else {}

    def _variance(self, outputs: Tensor) -> Tensor:
        return F.softplus(outputs[:, outputs.shape[1] // 2 :])

    def _parts(self, outputs: Tensor) -> Tensor:
        return outputs.view(len(outputs), len(self.levels), -1)


class OwnLoss(RegressionLoss):
    """Loss of a class or function of the project, or of torch, for any kind of task.

    Args:
        function: of outputs and targets; its result is the mean over the items, or a loss for each.

    Raises:
        UserError: its result is a sum, which depends on the size of the batch.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__(getattr(function, "__name__", type(function).__name__))
        arguments = getattr(function, "keywords", {})  # of a functools.partial
        if "sum" in (getattr(function, "reduction", None), arguments.get("reduction")):
            raise UserError(
                "task.loss.reduction=sum: it depends on the size of the batch; write task.loss.reduction=mean"
            )
        if getattr(function, "reduction", None) == "mean":  # which would divide by weights of the classes in a batch
            function = copy.copy(function)
            function.reduction = "none"  # type: ignore[attr-defined]
        self.function = function

    def each(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        result = self.function(outputs, targets)
        return result.mean() if reduction == "mean" else result

    def items(self, outputs: Tensor, targets: Tensor) -> Tensor:
        each = self.each(outputs, targets, "none")
        items = targets[:, 0] if targets.is_floating_point() else targets
        if each.dim() == 0 or each.numel() % items.numel():
            values = f"{each.numel()} numbers for {items.numel()} items" if each.dim() else "one number for a batch"
            raise UserError(f"task.class_weights: loss {self.name} returns {values}; let it return one for each item")
        classes_last = each.movedim(1, -1) if each.dim() > items.dim() else each
        return classes_last.reshape(*items.shape, -1).mean(dim=-1)


def _shares(targets: Tensor, outputs: Tensor) -> Tensor:
    """Shares of the classes (B, classes, ...): of class indices 1 and 0."""
    shares = targets if targets.is_floating_point() else F.one_hot(targets, outputs.shape[1]).movedim(-1, 1)
    return shares.to(outputs.dtype)


def _margins(outputs: Tensor, targets: Tensor, arguments: Mapping[str, Any]) -> Tensor:
    if targets.is_floating_point():
        raise UserError("task.loss=multi_margin: needs one class for each item; leave out data.mixup, data.cutmix")
    rows = outputs.movedim(1, -1).flatten(0, -2)
    return F.multi_margin_loss(rows, targets.flatten(), reduction="none", **arguments).view_as(targets)


def _focus(log_probability: Tensor, arguments: Mapping[str, Any]) -> Tensor:
    """Factor of the focal loss, small for items whose target is probable already; its gradient is finite everywhere."""
    focus: Tensor = (-torch.expm1(log_probability)).clamp(min=1e-8) ** arguments.get("gamma", 2.0)
    return focus


def _by_label(weight: Any, names: Sequence[str]) -> list[float] | float:
    """Weights in the order of the labels."""
    if isinstance(weight, Mapping):
        if set(map(str, weight)) != set(names):
            raise UserError(f"task.loss.bce.pos_weight: has {', '.join(map(str, weight))}; name {', '.join(names)}")
        weight = [weight[name] for name in names]
    if isinstance(weight, list) and len(weight) != len(names):
        raise UserError(f"task.loss.bce.pos_weight={weight}: give one number, or one for each of {', '.join(names)}")
    return weight if isinstance(weight, list) else float(weight)
