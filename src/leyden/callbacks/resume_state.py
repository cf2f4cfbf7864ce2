"""State in a checkpoint beside the weights: files of other callbacks, the length of the run, metrics of all ranks."""

from pathlib import Path
from typing import Any

import lightning as L
import torch

from leyden.records.record import rebase_paths
from leyden.tasks.duration import accumulation, duration


def rebase_callback_state(state: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """State of a checkpoint callback with its files in another folder, without those outside it.

    The callback deletes files that are not among the best any more, and a state may come from an untrusted file.
    """
    state = {key: rebase_paths(value, old, new) for key, value in state.items()}
    for name in {"best_k_models", "losses", "steps"} & state.keys():  # by path
        moved_paths = {rebase_paths(path, old, new): value for path, value in state[name].items()}
        state[name] = {path: value for path, value in moved_paths.items() if _is_in(path, new)}
    for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
        state[name] = state[name] if _is_in(str(state[name]), new) else ""
    return state


def _is_in(path: str, folder: str) -> bool:
    return Path(path).suffix == ".ckpt" and Path(path).resolve().is_relative_to(Path(folder).resolve())


def total_steps(trainer: L.Trainer) -> int:
    """Optimizer steps of the whole run; -1 without an end."""
    steps = duration(trainer).steps
    return int(steps) if steps != float("inf") else -1


def batch_layout(trainer: L.Trainer) -> list[int]:
    """Processes, batches of an epoch and batches of a step: a position in an epoch is valid for the same three only."""
    batches = trainer.num_training_batches
    accumulated = accumulation(trainer, trainer.current_epoch)
    return [trainer.world_size, int(batches) if batches < float("inf") else -1, accumulated]


def all_gather_states(trainer: L.Trainer, state: dict[str, Any]) -> list[dict[str, Any]]:
    """States of all processes, by rank."""
    if trainer.world_size == 1:
        return [state]
    states: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(states, state)
    return states
