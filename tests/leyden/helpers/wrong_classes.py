"""Classes of a user's own, each wrong in one way."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from leyden import DataSpec, InMemory, Task


class Items(Dataset[Any]):
    """Three classes of eight numbers, right in all respects."""

    def __init__(self, size: int = 60, kind: str = "right") -> None:
        self.values = torch.randn(size, 8, generator=torch.Generator().manual_seed(0))
        self.kind = kind

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        inputs, target = self.values[index], index % 3
        match self.kind:
            case "missing key":
                return {}["absent"]
            case "lengths":
                return inputs[: 3 + index % 2], target
            case "mapping":
                return {"x": inputs, "y": target}
            case "alone":
                return inputs
            case "double":
                return inputs.double(), target
            case "words":
                return inputs, "cat"
            case "multi hot":
                return inputs, torch.tensor([1.0, 0.0, 1.0])
        return inputs, target


class Late(Items):
    """Its later items fail, which a trial of two does not see."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index) if index < 40 else {}["absent"]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from ()


class Network(nn.Module):
    def __init__(self, input_shape: tuple[int, ...], output_size: int, kind: str = "right") -> None:
        super().__init__()
        self.kind = kind
        self.layer = nn.Linear(8, output_size + (kind == "size"))
        self.convolution, self.embedding = nn.Conv2d(1, 2, 3), nn.Embedding(10, 3)
        self.elsewhere = torch.zeros(1, device="meta")
        if kind == "constructor":
            raise KeyError("layers")

    def forward(self, x: Tensor) -> Any:
        match self.kind:
            case "images":
                return self.convolution(x)
            case "tuple":
                return self.layer(x), x
            case "tokens":
                return self.embedding(x)
            case "device":
                return self.layer(x) + self.elsewhere
            case "attribute":
                return self.absent(x)
            case "nothing":
                return None
        return self.layer(x)


def no_network(**_: Any) -> str:
    return "a network"


class Wrong(Task):
    def __init__(self, network: nn.Module, spec: DataSpec, kind: str = "right", **settings: Any) -> None:
        super().__init__(network, spec, **settings)
        self.kind = kind

    def targets(self, batch: Any) -> Any:
        return batch["absent"] if self.kind == "targets" else super().targets(batch)

    def loss(self, outputs: Tensor, targets: Tensor) -> Any:
        match self.kind:
            case "each":
                return F.cross_entropy(outputs, targets, reduction="none")
            case "number":
                return 1.0
            case "detached":
                return F.cross_entropy(outputs.detach(), targets)
            case "broadcast":
                return F.mse_loss(outputs, targets.float())
            case "shape":
                return F.mse_loss(outputs, targets[:, None].float())
        return F.cross_entropy(outputs, targets)

    def metrics(self, split: str) -> Any:
        match self.kind:
            case "list":
                return [MulticlassAccuracy(3)]
            case "metric":
                return {"acc": MulticlassAccuracy(5)}
            case "attribute":
                return {"acc": self.absent}
        return {}

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> Any:
        return (outputs[:, :2], targets) if self.kind == "metric inputs" else (outputs, targets)

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Any:
        match self.kind:
            case "column":
                return {"class": ["cat"]}
            case "predictions":
                return {"class": outputs["absent"]}
        return super().predictions(outputs, inputs, top_k)


class MetricInputs(Wrong):
    def metrics(self, split: str) -> Any:
        return {"acc": MulticlassAccuracy(3)}


class Paired(Wrong):
    """Takes the difference of each output and each target."""

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        return 1

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets) ** 2).mean()


class Step(Wrong):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step(batch["absent"], batch_idx)


class Plain(L.LightningModule):
    def __init__(self, network: nn.Module, **parts: Any) -> None:
        super().__init__()


class Module(L.LightningDataModule):
    def __init__(self, kind: str = "right") -> None:
        super().__init__()
        self.kind = kind

    def setup(self, stage: str) -> None:
        if self.kind == "setup":
            raise FileNotFoundError("train.bin")
        values = torch.randn(60, 8)
        self.data = TensorDataset(values, torch.arange(60) % 3)

    def train_dataloader(self) -> Any:
        if self.kind == "worker":
            return DataLoader(Late(), batch_size=20, num_workers=1)
        return None if self.kind == "nothing" else DataLoader(self.data, batch_size=20)

    def val_dataloader(self) -> Any:
        if self.kind == "two":
            return [DataLoader(self.data, batch_size=20)] * 2
        other = TensorDataset(torch.randn(60, 8), torch.arange(60) % 9)
        return DataLoader(other if self.kind == "validation" else self.data, batch_size=20)


class Shapes(InMemory):
    """Data whose spec is not true."""

    augmented = False

    def setup(self, stage: str | None = None) -> None:
        values = torch.randn(60, 7), torch.arange(60) % 3
        self.splits = {"train": values, "val": values, "test": values}

    @property
    def spec(self) -> DataSpec:
        return DataSpec("classification", (8,), 3)

    def describe(self) -> str:
        return "shapes"


class Callback(L.Callback):
    def on_train_batch_end(self, *_: Any) -> None:
        raise KeyError("absent")
