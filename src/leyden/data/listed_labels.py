"""Classes that a Dataset of torch lists, so that no item has to be made to know them."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


def labels_if_listed(dataset: Any) -> Tensor | None:
    """Class of each item (N,), if the data set has a list of them."""
    for name in ("targets", "labels", "_labels", "y"):
        if hasattr(dataset, name):
            return torch.as_tensor(getattr(dataset, name))
    for name in ("samples", "_samples"):
        if hasattr(dataset, name):
            return torch.tensor([label for _, label in getattr(dataset, name)])
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors[1]
    return None


def checked_labels(dataset: Any, size: int) -> Tensor | None:
    """Class of each item (N,), if the data set lists whole numbers from 0, and its items have these."""
    try:
        labels = labels_if_listed(dataset)
    except (TypeError, ValueError, RuntimeError):  # a list of words, or of something else
        return None
    if labels is None or labels.shape != (size,) or labels.is_floating_point() or labels.dtype == torch.bool:
        return None
    if not size or int(labels.min()) < 0:
        return None
    places = sorted({0, size // 2, size - 1})
    return labels.long() if all(_target(dataset[place]) == int(labels[place]) for place in places) else None


def _target(item: Any) -> Any:
    """Target of an item, if it is one whole number."""
    target = item[1] if isinstance(item, list | tuple) and len(item) > 1 else None
    is_number = isinstance(target, int) or (isinstance(target, Tensor) and target.numel() == 1)
    return int(target) if is_number and target is not None else None
