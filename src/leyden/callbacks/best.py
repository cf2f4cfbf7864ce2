"""The checkpoint callback that keeps the best weights."""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint


def best_checkpoint(trainer: pl.Trainer) -> ModelCheckpoint | None:
    """The first checkpoint callback that monitors a metric; None in a run that keeps no best weights."""
    return next((c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor), None)


def best_score(trainer: pl.Trainer) -> dict[str, float]:
    """The monitored metric of the best weights so far, named like `best/val/acc`; nothing where none are kept."""
    best = best_checkpoint(trainer)
    score = best.best_model_score if best else None
    return {} if best is None or score is None else {f"best/{best.monitor}": score.item()}
