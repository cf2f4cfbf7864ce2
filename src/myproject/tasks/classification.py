"""Classification: one class out of several."""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from leyden import (
    DataSpec,
    Evaluated,
    LossSetting,
    Plot,
    Predictions,
    Task,
    abbreviated,
    classification_plots,
    make_loss,
    weights_in_order,
)


class Classification(Task):
    """Loss on logits; accuracy while training, and accuracy, macro F1 and top-k accuracy in evaluation.

    Args:
        loss: by name, `{name: {argument: value}}`, or an object.
        label_smoothing: share of each target that is spread over all classes. Szegedy et al. (2015).
        class_weights: factor on the loss of each class, by its name or in the order of `spec.class_names`. The loss
            of a batch is the mean of the weighted losses over its items, so that it does not depend on the classes in
            the batch; torch's own reduction divides by the sum of the weights in the batch. Weights whose mean
            over the training items is 1 keep the scale of the loss, and with it that of the learning rate.
        top_k: evaluation also reports top-k accuracy, where there are more than k classes; 1 to leave it out.

    The other arguments are those of Task.
    """

    TARGETS: ClassVar = "classification"
    KIND: ClassVar = "multiclass"
    METRICS: ClassVar = ("acc", "f1", "loss")
    LIMITS: ClassVar = {"label_smoothing": ">= 0, < 1", "class_weights": ">= 0", "top_k": ">= 1"}

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        *parts: Any,
        loss: LossSetting = "cross_entropy",
        label_smoothing: float = 0.0,
        class_weights: list[float] | dict[str, float] | None = None,
        top_k: int = 3,
        **settings: Any,
    ) -> None:
        super().__init__(network, spec, *parts, **settings)
        self.top_k = top_k
        classes = spec.output_size
        factors = None if class_weights is None else weights_in_order(class_weights, spec.class_names, classes)
        self.criterion = make_loss(loss, "multiclass", label_smoothing=label_smoothing)
        self.class_weights: Tensor | None
        weights = None if factors is None else torch.tensor(factors, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)  # a setting, not learned

    def metrics(self, split: str) -> dict[str, Metric]:
        classes, k = self.spec.output_size, self.top_k
        metrics: dict[str, Metric] = {"acc": MulticlassAccuracy(classes, average="micro")}
        if split != "train":
            metrics["f1"] = MulticlassF1Score(classes, average="macro")
            if 1 < k <= classes:
                metrics[f"top{k}"] = MulticlassAccuracy(classes, average="micro", top_k=k)
        return metrics

    def describe(self) -> str:
        if self.class_weights is None:
            return super().describe()
        names = self.spec.class_names or tuple(map(str, range(self.spec.output_size)))
        weights = [f"{name} {w:g}" for name, w in zip(names, self.class_weights.tolist(), strict=True)]
        return f"{super().describe()}, class weights: {abbreviated(weights)}"

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over (B, classes) logits and (B,) class indices, or (B, classes) probabilities of mixed images."""
        loss: Tensor = self.criterion(outputs, targets, self.class_weights)
        return loss

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and class indices; a mixed image is of the class with the larger share."""
        return outputs, targets.argmax(dim=1) if targets.is_floating_point() else targets

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of each item: the less probable its class, the greater."""
        return F.cross_entropy(outputs.float(), targets, reduction="none").reshape(len(outputs), -1).mean(dim=1)

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        yield from classification_plots(evaluated, evaluated.outputs.softmax(dim=1), self.spec)
        yield from super().plots(evaluated)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Most probable classes first: `class`, `probability`, `class_2`, `probability_2` and so on."""
        names = self.spec.class_names or tuple(map(str, range(self.spec.output_size)))
        probabilities, classes = outputs.softmax(dim=1).topk(min(top_k, len(names)))
        columns: Predictions = {}
        for rank in range(classes.shape[1]):
            end = f"_{rank + 1}" if rank else ""
            columns[f"class{end}"] = [names[index] for index in classes[:, rank].tolist()]
            columns[f"probability{end}"] = probabilities[:, rank]
        return columns
