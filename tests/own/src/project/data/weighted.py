"""Items with a weight each: batches of three tensors."""

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


class Weighted(TensorDataset):
    def __init__(self, size: int = 600) -> None:
        values = torch.randn(size, 5, generator=torch.Generator().manual_seed(0))
        super().__init__(values, values.sum(dim=1), values[:, 0].abs())


def by_weight(items: "torch.utils.data.Subset[tuple[Tensor, ...]]") -> "torch.utils.data.WeightedRandomSampler":
    """Sampler that draws items in proportion to their weights."""
    weights = torch.stack([item[2] for item in items])
    return torch.utils.data.WeightedRandomSampler(weights.tolist(), len(weights))
