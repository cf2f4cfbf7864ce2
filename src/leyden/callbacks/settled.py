"""What Lightning writes into a checkpoint, made right for one that is written between two steps."""

from typing import Any

import lightning.pytorch as pl

from leyden.config.recorded import moved


def settle(fit_loop: dict[str, Any], batch: int) -> None:
    """Write Lightning's counts as it would have them between two steps; its own hooks lie a little before or after.

    Args:
        fit_loop: the state of its loops.
        batch: how many batches of the epoch are done; 0 between two epochs.
    """
    epochs, batches = fit_loop["epoch_progress"], fit_loop["epoch_loop.batch_progress"]
    batches["is_last_batch"] = False
    for count in (batches["total"], batches["current"]):
        done = count["completed"]
        # In the middle of an epoch as at the end of a batch, whose `completed` Lightning counts when it restarts.
        count |= dict.fromkeys(("ready", "started", "processed"), done) | {"completed": done - (batch > 0)}
    if batch:
        fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1  # it adds one, too
        return
    batches["current"] |= dict.fromkeys(batches["current"], 0)
    for count in (epochs["total"], epochs["current"]):
        count |= dict.fromkeys(count, count["completed"])


def rebased(state: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The state of a checkpoint callback with its files in another folder; some are keys."""
    return {
        key: {moved(path, old, new): score for path, score in value.items()}
        if key == "best_k_models"
        else moved(value, old, new)
        for key, value in state.items()
    }


def length_of(trainer: pl.Trainer) -> int:
    """The optimizer steps of the whole run; -1 without an end."""
    steps = trainer.estimated_stepping_batches
    return int(steps) if steps != float("inf") else -1
