"""The checkpoint callback that keeps the best weights."""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint


def best_checkpoint(trainer: pl.Trainer) -> ModelCheckpoint | None:
    """The first checkpoint callback that monitors a metric; None in a run that keeps no best weights."""
    return next((c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor), None)
