"""A LightningDataModule that knows nothing of this template."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split


class Plain(L.LightningDataModule):
    def __init__(self, size: int = 400) -> None:
        super().__init__()
        self.size = size

    def setup(self, stage: str) -> None:
        values = torch.randn(self.size, 8, generator=torch.Generator().manual_seed(0))
        data = TensorDataset(values, (values.sum(dim=1) > 0).long() + (values[:, 0] > 1).long())
        self.train, self.val, self.test = random_split(data, [self.size - 120, 60, 60])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=64)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=64)
