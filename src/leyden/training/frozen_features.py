"""Features of a frozen backbone for inputs that never change, computed once in place of once an epoch."""

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import lightning as L
import torch
from rich.progress import track
from torch import Tensor, nn

from leyden.data.in_memory import InMemory, Split
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.system.console import has_live_display
from leyden.tasks.task import Task

log = logging.getLogger(__name__)


@runtime_checkable
class HasFeatures(Protocol):
    """Network of a backbone and a head; its `forward` takes inputs, or their features."""

    @property
    def frozen(self) -> bool:
        """True if the whole backbone is frozen, so that the features of an input stay the same."""

    def features(self, x: Tensor) -> Tensor:
        """(B, *input_shape) -> (B, F)."""


class CachedFeatures(InMemory):
    """Features (N, F) of the inputs of a datamodule, in the same splits and order.

    They are computed in evaluation mode, which a frozen backbone is always in. Each process computes all of them.

    Args:
        datamodule: with the same inputs in each epoch.
        network: an nn.Module with frozen backbone.
    """

    def __init__(self, datamodule: DataModule, network: nn.Module) -> None:
        super().__init__(
            batch_size=datamodule.batch_size, eval_batch_size=datamodule.eval_batch_size, seed=datamodule.seed
        )
        self.datamodule, self.network = datamodule, network

    @property
    def spec(self) -> DataSpec:
        return self.datamodule.spec

    @property
    def augmented(self) -> bool:
        return False

    @property
    def item_kind(self) -> str:
        return self.datamodule.item_kind

    def item_names(self, split: str) -> Sequence[str] | None:
        return self.datamodule.item_names(split)

    def inputs_at(self, split: str, index: Tensor) -> Tensor:
        """Inputs themselves, of which this datamodule has the features."""
        return self.datamodule.inputs_at(split, index)

    def describe(self) -> str:
        return f"{self.datamodule.describe()}; features of the frozen backbone are computed once"

    def setup(self, stage: str | None = None) -> None:
        for split in ("test",) if stage == "test" else ("train", "val"):
            if split not in self.splits:
                self.splits[split] = self._computed(split)

    @torch.inference_mode(False)  # inference tensors could not be trained on
    @torch.no_grad()
    def _computed(self, split: str) -> Split:
        assert self.trainer is not None
        assert isinstance(self.network, HasFeatures)
        device = self.trainer.strategy.root_device
        network = self.network.to(device)
        training = network.training
        network.eval()
        features, targets = [], []
        loader = self.datamodule.loader(split, device=device)
        log.info("features of the frozen backbone: %s, %d batches", split, len(loader))
        hidden = not has_live_display()
        for inputs, of in track(loader, f"features, {split}", total=len(loader), transient=True, disable=hidden):
            with self.trainer.precision_plugin.forward_context():
                features.append(network.features(inputs).float().cpu())
            targets.append(of.cpu())
        network.train(training)
        if not features:  # an empty split
            return torch.empty(0, 0), torch.empty(0)
        return torch.cat(features), torch.cat(targets)


def cache_features(datamodule: DataModule, task: Task, trainer: L.Trainer) -> DataModule:
    """Features in place of the inputs if the result is the same; otherwise the datamodule itself.

    The result is the same if a whole backbone stays frozen, its inputs are the same in each epoch and not needed by the
    task, and no limit excludes some. A callback that unfreezes the backbone later has an attribute `unfreezes`.
    """
    network = task.network
    frozen = isinstance(network, HasFeatures) and network.frozen
    stays_frozen = not any(getattr(callback, "unfreezes", False) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    limits = (trainer.limit_train_batches, trainer.limit_val_batches, trainer.limit_test_batches)
    all_of_them = all(isinstance(limit, float) and limit == 1.0 for limit in limits) and not trainer.overfit_batches  # type: ignore[attr-defined]
    full_precision = trainer.precision in ("32-true", "64-true") or str(trainer.precision).endswith("-mixed")
    same = frozen and stays_frozen and not datamodule.augmented and not task.needs_inputs and full_precision
    return CachedFeatures(datamodule, network) if same and all_of_them else datamodule
