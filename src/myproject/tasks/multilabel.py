"""Multilabel classification: several yes-or-no labels of each item."""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MultilabelAccuracy, MultilabelExactMatch, MultilabelF1Score

from leyden import DataSpec, Evaluated, LossSetting, Plot, Predictions, Task, make_loss, multilabel_plots


class Multilabel(Task):
    """Loss on a logit for each label; accuracy over all labels, macro F1, and the share of items with all labels right.

    Args:
        loss: by name, `{name: {argument: value}}`, or an object.

    The other arguments are those of Task.
    """

    TARGETS: ClassVar = "multilabel"
    KIND: ClassVar = "multilabel"
    METRICS: ClassVar = ("f1", "acc", "exact", "loss")

    def __init__(
        self, network: nn.Module, spec: DataSpec, *parts: Any, loss: LossSetting = "bce", **settings: Any
    ) -> None:
        super().__init__(network, spec, *parts, **settings)
        self.labels = spec.target_names or tuple(map(str, range(spec.output_size)))
        self.criterion = make_loss(loss, "multilabel", self.labels)

    def metrics(self, split: str) -> dict[str, Metric]:
        labels = self.spec.output_size
        metrics: dict[str, Metric] = {"acc": MultilabelAccuracy(labels, average="micro")}
        if split != "train":
            metrics |= {"f1": MultilabelF1Score(labels), "exact": MultilabelExactMatch(labels)}
        return metrics

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, labels) logits and targets of 0 or 1."""
        loss: Tensor = self.criterion(outputs, targets)
        return loss

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Any, ...]:
        return self.scores(outputs, targets)

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of each item, the mean over its labels."""
        each = F.binary_cross_entropy_with_logits(outputs.float(), targets.float(), reduction="none")
        return each.mean(dim=1)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from multilabel_plots(evaluated, self.labels)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Labels of a probability above 0.5, and `probability_<label>` of each."""
        probabilities = outputs.float().sigmoid()
        listed = [[name for name, yes in zip(self.labels, of, strict=True) if yes] for of in (outputs > 0).tolist()]
        each = dict(zip(self.labels, probabilities.unbind(1), strict=True))
        return {"labels": ["; ".join(of) for of in listed], **{f"probability_{name}": p for name, p in each.items()}}
