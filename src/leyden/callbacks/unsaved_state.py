"""State that checkpoints within an epoch would lose, so that a run resumes at the start of the epoch only."""

from collections.abc import Iterator

import lightning as L
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Generator, Tensor
from torch.utils.data import DataLoader
from torchmetrics import Metric

from leyden.data.loader import Loader
from leyden.system.lightning_internals import unfinished_epoch_logs


def loader_without_position(trainer: L.Trainer) -> str | None:
    """Class of a training loader that cannot be resumed within an epoch; None if every one is Leyden's own."""
    return next((type(loader).__name__ for loader in _loaders(trainer) if not isinstance(loader, Loader)), None)


def loses_randomness(trainer: L.Trainer) -> bool:
    """True if random numbers depend on earlier epochs, as those of persistent workers do."""
    loaders = (loader for loader in _loaders(trainer) if isinstance(loader, DataLoader))
    return any(loader.num_workers and loader.persistent_workers for loader in loaders)


def unsaved_state(trainer: L.Trainer, pl_module: L.LightningModule) -> str | None:
    """A value measured in this epoch that is in no checkpoint, described for a message; None without any."""
    if logged := unfinished_epoch_logs(trainer):
        return f"{logged[0]}, logged with on_epoch=True"
    metrics = (name for name, part in pl_module.named_modules() if isinstance(part, Metric) and part.update_called)
    name = next(metrics, None)
    return f"the metric {name}" if name else None


def generator_states(trainer: L.Trainer) -> list[Tensor]:
    """States of the generators of training loaders and their samplers."""
    return [generator.get_state() for generator in _generators(trainer)]


def restore_generators(trainer: L.Trainer, states: list[Tensor]) -> None:
    """Set the generators of training loaders to states that `generator_states` returned for loaders like these."""
    for generator, state in zip(_generators(trainer), states, strict=False):
        generator.set_state(state)


def _loaders(trainer: L.Trainer) -> list[object]:
    loaders = trainer.train_dataloader
    return [] if loaders is None else list(CombinedLoader(loaders).flattened)


def _generators(trainer: L.Trainer) -> Iterator[Generator]:
    seen = set()
    for loader in _loaders(trainer):
        samplers = [getattr(loader, name, None) for name in ("sampler", "batch_sampler")]
        parts = [loader, *samplers, getattr(samplers[1], "sampler", None)]
        for part in parts:
            generator = getattr(part, "generator", None)
            if isinstance(generator, torch.Generator) and id(generator) not in seen:
                seen.add(id(generator))
                yield generator
