"""Binary classification: one logit for two classes, and a decision threshold tuned on the validation split."""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryAveragePrecision, BinaryF1Score

from leyden import (
    DataSpec,
    DecisionThreshold,
    Evaluated,
    LossSetting,
    Plot,
    Predictions,
    Task,
    UserError,
    binary_plots,
    class_index,
    make_loss,
)


class Binary(Task):
    """Loss on one logit, that of the second class; accuracy, F1, AUROC and average precision.

    Args:
        loss: by name, `{name: {argument: value}}`, or an object.
        positive: class that F1, average precision and the threshold are of; by default the second.
        threshold: probability above which an item is positive; None for the best F1 on the validation split.

    The other arguments are those of Task.
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
        self.criterion = make_loss(loss, "binary", [self.classes[self.positive]])
        self.threshold = DecisionThreshold(threshold)

    @classmethod
    def check(cls, spec: DataSpec) -> None:
        super().check(spec)
        if spec.output_size != 2:
            raise UserError(f"task=binary: there are {spec.output_size} classes, not two; try task=classification")

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        return 1

    def metrics(self, split: str) -> dict[str, Metric]:
        metrics: dict[str, Metric] = {"acc": BinaryAccuracy(), "f1": BinaryF1Score()}
        return metrics if split == "train" else {**metrics, "auroc": BinaryAUROC(), "ap": BinaryAveragePrecision()}

    @property
    def metric_names(self) -> list[str]:
        return [*super().metric_names, "val/threshold"]

    def describe(self) -> str:
        fixed = (
            "" if self.threshold.is_tuned else f", threshold of {self.classes[self.positive]}: {self.threshold.value:g}"
        )
        return super().describe() + fixed

    def logits(self, outputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (B,) of the positive class, from outputs (B, 1); and (B,) true for its items, from class indices."""
        logits = outputs[:, 0].float() * (1 if self.positive else -1)
        return logits, logits > 0 if targets is None else targets == self.positive

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, 1) logits and (B,) class indices."""
        logits, positive = self.logits(outputs, targets)
        loss: Tensor = self.criterion(logits[:, None], positive[:, None])
        return loss

    def scores(self, outputs: Tensor, targets: Tensor, decided: bool = False) -> tuple[Tensor, Tensor]:
        """Probabilities (B,) of the positive class, with the threshold moved to 0.5 if `decided`; and 1 or 0 (B,)."""
        logits, positive = self.logits(outputs, targets)
        return (self.threshold.moved(logits) if decided else logits).sigmoid(), positive.long()

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(outputs, targets, decided=True)

    def validated(self, outputs: Tensor, targets: Tensor) -> None:
        self.log("val/threshold", self.threshold.fit(*self.logits(outputs, targets)))

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of each item."""
        return F.binary_cross_entropy_with_logits(outputs[:, 0].float(), targets.float(), reduction="none")

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from binary_plots(evaluated, self.spec, float(self.threshold.value), self.positive)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Class by the threshold, and `probability_<class>` of the positive class."""
        probability = self.logits(outputs)[0].sigmoid()
        yes, no = self.classes[self.positive], self.classes[1 - self.positive]
        names = [yes if above else no for above in (probability > self.threshold.value).tolist()]
        return {"class": names, f"probability_{yes}": probability}
