"""Decision threshold of a binary classification."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from leyden.data.classes import class_meant
from leyden.system.errors import UserError
from leyden.system.suggestions import did_you_mean


class DecisionThreshold(nn.Module):
    """Probability above which an item is positive, as a number of the checkpoint.

    Args:
        probability: that is fixed; None for the one with the best F1 on the items that `fit` sees.
    """

    value: Tensor

    def __init__(self, probability: float | None = None) -> None:
        super().__init__()
        self.is_tuned = probability is None
        self.register_buffer("value", torch.tensor(0.5 if probability is None else float(probability)))

    def fit(self, logits: Tensor, positive: Tensor) -> Tensor:
        """Set the threshold with the best F1, unless it is fixed or no item is positive, and return it.

        Args:
            logits: (N,) of the positive class.
            positive: (N,) true for items of it.
        """
        best = best_f1_threshold(logits, positive) if self.is_tuned else None
        if best is not None:
            self.value.fill_(best)
        return self.value

    def moved(self, logits: Tensor) -> Tensor:
        """Logits from which the decision is at a probability of 0.5, in the same order."""
        return logits - self.value.logit()

    def extra_repr(self) -> str:
        return f"{float(self.value):.3g}{', tuned' if self.is_tuned else ''}"


def best_f1_threshold(logits: Tensor, positive: Tensor) -> float | None:
    """Probability between two items, from which items are positive, with the best F1; None without positive items.

    Args:
        logits: (N,) of the positive class.
        positive: (N,) true for items of it.
    """
    is_used = logits.isfinite()
    logits, order = logits[is_used].double().sort(descending=True)
    hits = positive[is_used][order].double().cumsum(0)
    if not len(hits) or not hits[-1]:
        return None
    number = torch.arange(1, len(logits) + 1, device=logits.device)
    f1 = 2 * hits / (number + hits[-1])
    following = torch.cat([logits[1:], logits[-1:] - 1])
    best = int(torch.where(logits > following, f1, -1.0).argmax())  # of equal logits the last one decides
    middle = (logits[best] + following[best]) / 2
    return float(middle.sigmoid().clamp(1e-6, 1 - 1e-6))


def class_index(name: object, names: Sequence[str], setting: str) -> int:
    """Index of a class by its name, as a number, or as YAML reads `yes` and `no`.

    Raises:
        UserError: there is no such class.
    """
    text = str(name).lower() if isinstance(name, bool) else str(name)
    found = class_meant(text, names)
    if found is None:
        hint = did_you_mean(text, names, lambda near: f"{setting}={near}")
        raise UserError(f"{setting}={text}: there is no such class{hint}")
    return list(names).index(found)
