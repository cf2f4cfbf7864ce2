"""Binary classification: one logit for two classes, and a decision threshold tuned on the validation split."""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryAveragePrecision, BinaryF1Score

from leyden import (
    DataSpec,
    Evaluated,
    LossSetting,
    Plot,
    Predictions,
    Task,
    UserError,
    best_f1_threshold,
    binary_plots,
    class_index,
    make_loss,
)


class Binary(Task):
    """Loss on one logit, that of the second class; accuracy and F1 of decisions, AUROC and average precision.

    Args:
        loss: by name, `{name: {argument: value}}`, or an object.
        positive: name of the class that F1, average precision and the threshold are of; by default the second.
        threshold: probability from which an item is positive; None for the one with the best F1 on the validation split.

    The other arguments are those of Task.

    Raises:
        UserError: there is no such class.
    """

    TARGETS: ClassVar = "classification"
    KIND: ClassVar = "binary"
    METRICS: ClassVar = ("f1", "acc", "auroc", "ap", "threshold", "loss")
    LIMITS: ClassVar = {"threshold": "> 0, < 1"}

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        *parts: Any,
        loss: LossSetting = "bce",
        positive: str | int | float | bool | None = None,
        threshold: float | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(network, spec, *parts, **settings)
        self.classes = spec.class_names or ("0", "1")
        self.positive = 1 if positive is None else class_index(positive, self.classes, "task.positive")
        self.criterion = make_loss(loss, "binary", self.classes[self.positive :][:1])
        self.is_tuned = threshold is None
        self.threshold: Tensor
        self.register_buffer("threshold", torch.tensor(0.5 if threshold is None else float(threshold)))

    @classmethod
    def check(cls, spec: DataSpec) -> None:
        if spec.task != "classification" or spec.output_size != 2:
            found = f"{spec.output_size} classes" if spec.task == "classification" else spec.task
            raise UserError(f"task=binary: needs two classes, and these data are for {found}; try task={spec.task}")

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        return 1

    def metrics(self, split: str) -> dict[str, Metric]:
        metrics: dict[str, Metric] = {"acc": BinaryAccuracy(), "f1": BinaryF1Score()}
        if split != "train":
            metrics |= {"auroc": BinaryAUROC(), "ap": BinaryAveragePrecision()}
        return metrics

    @property
    def metric_names(self) -> list[str]:
        return [*super().metric_names, *(["val/threshold"] if self.is_tuned else [])]

    def describe(self) -> str:
        return f"{super().describe()}, {self.classes[self.positive]} from a probability of {self.threshold:.3g}"

    def logits(self, outputs: Tensor) -> Tensor:
        """Logits (B,) of the positive class, from outputs (B, 1)."""
        return outputs[:, 0].float() * (1 if self.positive else -1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, 1) logits and (B,) class indices."""
        loss: Tensor = self.criterion(self.logits(outputs)[:, None], (targets == self.positive).float()[:, None])
        return loss

    def scores(self, outputs: Tensor, targets: Tensor, decided: bool = False) -> tuple[Tensor, Tensor]:
        """Probabilities (B,) of the positive class, moved so that the threshold is 0.5 if `decided`; and 1 or 0 (B,)."""
        logits = self.logits(outputs) - (self.threshold.logit() if decided else 0.0)
        return logits.sigmoid(), (targets == self.positive).long()

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(outputs, targets, decided=True)

    def validated(self, outputs: Tensor, targets: Tensor) -> None:
        best = best_f1_threshold(self.logits(outputs), targets == self.positive) if self.is_tuned else None
        if best is not None:
            self.threshold.fill_(best)
        if self.is_tuned:
            self.log("val/threshold", self.threshold)

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of each item."""
        return F.binary_cross_entropy_with_logits(outputs[:, 0].float(), targets.float(), reduction="none")

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from binary_plots(evaluated, self.spec, float(self.threshold), self.positive)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Class by the threshold, its probability, and the probability of the positive class."""
        probability = self.logits(outputs).sigmoid()
        is_positive = probability > self.threshold
        names = [self.classes[self.positive if yes else 1 - self.positive] for yes in is_positive.tolist()]
        own = torch.where(is_positive, probability, 1 - probability)
        return {"class": names, "probability": own, f"probability_{self.classes[self.positive]}": probability}
