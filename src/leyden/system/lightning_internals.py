"""Private names of Lightning, torchmetrics, torch and Hydra that the engine depends on; no other module uses any.

A new version of these libraries may rename them without notice: the tests report by name what has disappeared, and
this is the only module to adapt. Nothing is imported before a function needs it, so that importing this module does not
import torch.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lightning as L
    from lightning.pytorch.callbacks import ModelCheckpoint, ModelPruning
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader
    from torchmetrics import Metric

_PL = "lightning.pytorch"
_CONNECTORS = f"{_PL}.trainer.connectors"
_CHECKPOINT = f"{_PL}.callbacks.model_checkpoint.ModelCheckpoint"

# Each private name with the reason why no public one does.
USED = {
    f"{_PL}.loops.loop._Loop._restarting": "the setter of `restarting` also changes counts of the loops below",
    f"{_PL}.loops.loop._Loop._resuming_from_checkpoint": "a loop keeps an iterator made before its epoch was seeded",
    f"{_PL}.loops.fit_loop._FitLoop._should_accumulate": "ends of steps depend on the last batch and the strategy",
    f"{_PL}.loops.training_epoch_loop._TrainingEpochLoop._batches_that_stepped": "the x-axis of what is logged",
    f"{_PL}.loops.training_epoch_loop._TrainingEpochLoop._results": "values logged so far in an epoch; its batch",
    f"{_PL}.core.module.LightningModule._current_fx_name": "the hook from which `log` is called",
    f"{_PL}.strategies.launchers.multiprocessing._MultiProcessingLauncher": "strategies that fork or spawn processes",
    f"{_CONNECTORS}.accelerator_connector._IS_INTERACTIVE": "a Trainer refuses strategy=ddp in a notebook",
    f"{_CONNECTORS}.signal_connector._SignalConnector._sigterm_notifier_fn": "it communicates within a handler",
    f"{_PL}.trainer.trainer.Trainer._signal_connector": "the owner of that handler",
    f"{_CHECKPOINT}._last_global_step_saved": "the step of the best weights",
    f"{_PL}.callbacks.pruning.ModelPruning._make_pruning_permanent": "masks in place of pruned weights",
    "torchmetrics.metric.Metric._update_count": "`update_count` cannot be set when a metric is restored",
    "torch.utils.data.DataLoader._iterator": "running worker processes, of which there is no public sign",
    "torch.utils.data.dataloader._MultiProcessingDataLoaderIter._shutdown_workers": "the way to end them",
    "torch.distributed.distributed_c10d._abort_process_group": "destroy_process_group waits for dead processes",
    "torch._foreach_lerp_": "one kernel for all tensors, and the same bits as Tensor.lerp_",
    "torch.nn.Module._compiled_call_impl": "the only sign of a network that is compiled in place",
    "torch.optim.Adam._step_supports_amp_scaling": "Lightning refuses to clip gradients of a fused optimizer with it",
    "torch.optim.lr_scheduler.OneCycleLR._schedule_phases": "depends on the length of the run",
    "torch.optim.lr_scheduler.CosineAnnealingLR._get_closed_form_lr": "learning rates for a length that has changed",
    "hydra.core.utils.JobReturn._return_value": "`return_value` raises the error of a job and prints about it",
}

# Private methods and attributes of base classes that subclasses of the engine override or use, by subclass.
INHERITED = {
    "leyden.callbacks.averaging.Averaging": {
        "_average_model": "the average, which this class updates in its own way",
        "_latest_update_step": "in the state of the callback",
    },
    "leyden.callbacks.best.BestCheckpoint": {
        "_save_checkpoint": "ties are decided before a file is written",
        "_remove_checkpoint": "the last file that is superseded is kept",
        "_get_metric_interpolated_filepath_name": "a file that is among the best is never overwritten",
        "_format_checkpoint_name": "a `/` in the name of a metric would make a folder",
    },
    "leyden.run.table.MetricsTable": {"_experiment": "the writer of the file"},
    "leyden.run.table._AppendingWriter": {
        "_check_log_dir_exists": "it deletes the file of an earlier process",
        "_rewrite_with_new_header": "it is not atomic",
    },
    "leyden.tasks.task.Task": {"_example_input_array": "`example_input_array` follows the precision of the network"},
}

# Attribute of a LightningModule with the name of the hook in which it is called.
CURRENT_HOOK = "_current_fx_name"


class QuickHookName:
    """Base class of a LightningModule that sets the name of its current hook without the checks of nn.Module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == CURRENT_HOOK:  # it changes 40 times in a step: 2.6 % of the time of mnist_mlp
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)


# Keys in a checkpoint of what the loops count.
LOOP_STATE_KEYS = ("epoch_progress", "epoch_loop.batch_progress", "epoch_loop.state_dict")


def normalize_loop_state(fit_loop: dict[str, Any], batch: int) -> None:
    """Write the counts as Lightning would have them between two steps; its own hooks are called before or after.

    Args:
        fit_loop: state of its loops.
        batch: batches of the epoch that are done; 0 between two epochs.
    """
    epochs, batches = fit_loop["epoch_progress"], fit_loop["epoch_loop.batch_progress"]
    batches["is_last_batch"] = False
    for count in (batches["total"], batches["current"]):
        done = count["completed"]
        # Within an epoch as at the end of a batch, whose `completed` Lightning counts when it restarts.
        count |= dict.fromkeys(("ready", "started", "processed"), done) | {"completed": done - (batch > 0)}
    if batch:
        fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1  # it adds one, too
        return
    batches["current"] |= dict.fromkeys(batches["current"], 0)
    for count in (epochs["total"], epochs["current"]):
        count |= dict.fromkeys(count, count["completed"])


def epochs_trained(checkpoint: dict[str, Any]) -> int:
    """Epochs that the weights in a checkpoint were trained for.

    Raises:
        KeyError, TypeError, ValueError: the checkpoint has no such count.
    """
    return int(checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["ready"])


def end_restart(trainer: "L.Trainer") -> None:
    """Let the fit loop take its epoch for a whole one; a plateau's schedule would leave it out in a resumed run."""
    trainer.fit_loop._restarting = False


def begin_with_new_epoch(trainer: "L.Trainer") -> None:
    """Let the loops of a resumed run begin their next epoch like any other, and not in the middle of one."""
    epochs = trainer.fit_loop
    for loop in (epochs, epochs.epoch_loop, epochs.epoch_loop.val_loop):
        loop._restarting = False
        loop._resuming_from_checkpoint = False


def is_accumulating(trainer: "L.Trainer") -> bool:
    """True if the optimizer makes no step after the current batch."""
    return trainer.fit_loop._should_accumulate()


def steps_logged(trainer: "L.Trainer") -> int:
    """Step under which the next values are logged."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def training_batch(trainer: "L.Trainer") -> Any:
    """The current training batch, as Lightning keeps it for `self.log`, whichever hooks a task overrides."""
    return trainer.fit_loop.epoch_loop._results.batch


def unfinished_epoch_logs(trainer: "L.Trainer") -> list[str]:
    """Names of values logged with on_epoch=True since the epoch began, sorted; no checkpoint contains them."""
    results = trainer.fit_loop.epoch_loop._results.values()
    return sorted({result.meta.name for result in results if result.meta.on_epoch and not result.has_reset})


def current_hook(module: "L.LightningModule") -> str | None:
    """Name of the hook in which a module is called."""
    return module._current_fx_name


def last_saved_step(callback: "ModelCheckpoint") -> int:
    """Global step of the newest file of a checkpoint callback."""
    return callback._last_global_step_saved


def prunes_permanently(callback: "ModelPruning") -> bool:
    """True if pruned weights are saved as zeros, and not as weights and masks."""
    return bool(callback._make_pruning_permanent)


def forks_or_spawns(trainer: "L.Trainer") -> bool:
    """True if the strategy starts the other processes with multiprocessing, as ddp_spawn and ddp_fork do."""
    from lightning.pytorch.strategies.launchers.multiprocessing import _MultiProcessingLauncher

    return isinstance(trainer.strategy.launcher, _MultiProcessingLauncher)


@contextmanager
def ddp_in_notebooks() -> Iterator[None]:
    """Within this block a Trainer with several processes can be built in a notebook, too."""
    from lightning.pytorch.trainer.connectors import accelerator_connector

    module: Any = accelerator_connector
    before, module._IS_INTERACTIVE = module._IS_INTERACTIVE, False
    try:
        yield
    finally:
        module._IS_INTERACTIVE = before


def disable_sigterm_broadcast(trainer: "L.Trainer") -> None:
    """Keep Lightning from communicating with other processes in its SIGTERM handler; GracefulShutdown does so later."""
    trainer._signal_connector._sigterm_notifier_fn = lambda *_: None  # type: ignore[method-assign]


def abort_process_group() -> None:
    """End the connection to processes that do not answer any more."""
    from torch.distributed import distributed_c10d

    distributed_c10d._abort_process_group()


def has_workers(loader: "DataLoader[Any]") -> bool:
    """True if persistent worker processes of a loader are running."""
    return loader._iterator is not None


def shut_down_workers(loader: "DataLoader[Any]") -> None:
    """End the persistent worker processes of a loader; its next iteration starts new ones."""
    iterator: Any = loader._iterator
    loader._iterator = None
    if iterator is not None:
        iterator._shutdown_workers()


def set_update_count(metric: "Metric", count: int) -> None:
    """Set the number of updates that a restored metric has had; without any, `compute` would warn."""
    metric._update_count = count


def lerp_all(tensors: "Sequence[Tensor]", ends: "Sequence[Tensor]", weight: float) -> None:
    """Move each tensor in place by a part of the way to its end."""
    import torch

    torch._foreach_lerp_(list(tensors), list(ends), weight)


def is_compiled(network: "nn.Module") -> bool:
    """True if a network was compiled in place."""
    return network._compiled_call_impl is not None


def unscale_before_clipping(optimizer: "Optimizer") -> None:
    """Let the gradients of a fused optimizer be unscaled and clipped before its step under mixed precision.

    Such an optimizer may unscale them itself, so Lightning refuses to clip them; without the mark the scaler unscales.
    """
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]


def gradient_scale(trainer: "L.Trainer", optimizer: "Optimizer") -> float:
    """Factor on the gradients before a step: the loss scale of 16-bit training if the optimizer itself undoes it."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    is_scaled = scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False)
    return float(scaler.get_scale()) if scaler is not None and is_scaled else 1.0


def remove_length(scheduler_state: dict[str, Any]) -> None:
    """Remove the length of the run from the state of a scheduler; it may have changed when the run is resumed."""
    for state in (scheduler_state, scheduler_state.get("schedule", {})):  # of a warm-up, and of the schedule in it
        for name in ("T_max", "total_steps", "_schedule_phases", "total_iters"):
            state.pop(name, None)


def closed_form_rates(scheduler: Any) -> list[float] | None:
    """Learning rates of a schedule at its current step, for the length it has now; None of one without a closed form.

    Without are a plateau, schedulers made of others, and MultiplicativeLR, whose `get_lr` depends on the current rate.
    """
    from torch.optim.lr_scheduler import LRScheduler, MultiplicativeLR

    rates = getattr(scheduler, "_get_closed_form_lr", getattr(scheduler, "get_lr", None))
    if rates is None or isinstance(scheduler, MultiplicativeLR) or type(scheduler).get_lr is LRScheduler.get_lr:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `get_lr` warns unless `step` calls it
        return list(rates())


def job_error(result: Any) -> Any:
    """Error of a failed Hydra job."""
    return result._return_value
