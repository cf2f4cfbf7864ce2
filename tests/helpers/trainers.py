"""Trainers that keep quiet and leave nothing behind."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl


def made_trainer(folder: Path, **settings: Any) -> pl.Trainer:
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return pl.Trainer(default_root_dir=folder, **(quiet | settings))
