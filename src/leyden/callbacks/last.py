"""Checkpoint from which a run resumes as if it had never stopped."""

import logging
import time
from signal import Signals
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from leyden.callbacks.best import kept_files
from leyden.callbacks.resume_state import all_gather_states, batch_layout, rebase_callback_state, total_steps
from leyden.callbacks.unsaved_state import (
    generator_states,
    loader_without_position,
    loses_randomness,
    restore_generators,
    unsaved_state,
)
from leyden.system.errors import UserError
from leyden.system.graceful_shutdown import GracefulShutdown
from leyden.system.lightning_internals import (
    begin_with_new_epoch,
    end_restart,
    normalize_loop_state,
    remove_length,
    steps_logged,
)
from leyden.tasks.duration import accumulation
from leyden.tasks.schedulers import apply_length
from leyden.tasks.task import Task

log = logging.getLogger(__name__)


class LastCheckpoint(L.Callback):
    """Writes last.ckpt between two steps, when everything that belongs to the first is done, and resumes from it.

    That is at the start of an epoch, at the end of training, and before a batch if the optimizer has just made its
    step: by then schedulers have moved, validation is over and metrics are logged, none of which holds for the hooks at
    the end of a batch or an epoch. A signal is answered there too.

    Beside what Lightning saves, a checkpoint holds the metrics so far of an unfinished epoch, and the metrics that
    schedulers and other callbacks look at.

    Args:
        dirpath: folder of the checkpoint.
        every_n_epochs: epochs between two checkpoints.
        every_n_steps: optimizer steps between two checkpoints within an epoch; null for none.
        every_minutes: minutes between two checkpoints within an epoch; null for none.

    Attributes:
        shutdown: handler of signals; None if nothing handles them.
    """

    def __init__(
        self,
        dirpath: str,
        every_n_epochs: int = 1,
        every_n_steps: int | None = None,
        every_minutes: float | None = None,
    ) -> None:
        for name, value in (("every_n_epochs", every_n_epochs), ("every_n_steps", every_n_steps)):
            if value is not None and value < 1:
                raise UserError(f"callbacks.last.{name}={value}: must be at least 1")
        self.path = f"{dirpath}/last.ckpt"
        self.every_n_epochs, self.every_n_steps, self.every_minutes = every_n_epochs, every_n_steps, every_minutes
        self.shutdown: GracefulShutdown | None = None
        self._saving: dict[str, Any] | None = None
        self._loaded: dict[str, Any] | None = None
        self._has_more_patience = False  # early stopping, than before
        self._whole_epochs = False  # checkpoints within an epoch would lose something
        self._within_epoch = False  # the run was resumed there
        self._saved_at_step = -1
        self._saved_at = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._saved_at, self._saved_at_step = time.monotonic(), trainer.global_step
        if self.shutdown:
            self.shutdown.wait_for_safe_point()
        if self._loaded:
            self._restore(trainer, pl_module, self._loaded)
            self._loaded = None
        self._whole_epochs = False
        if loader := loader_without_position(trainer):
            self._whole_epochs = True
            log.warning(
                "%s: has no position to resume from; an interrupted run repeats its epoch from the start", loader
            )
        if loses_randomness(trainer):
            log.warning("persistent_workers=true: random numbers of workers are not saved; a resumed run may differ")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        stop = self._is_to_stop(trainer, always=True)
        if trainer.global_step > self._saved_at_step and (stop or trainer.current_epoch % self.every_n_epochs == 0):
            self._save(trainer, batch=0)
        if stop and self.shutdown:
            self.shutdown.exit_if_requested()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._within_epoch:  # a GradientAccumulationScheduler has set this at its start, in another process
            self._within_epoch = False
            trainer.accumulate_grad_batches = accumulation(trainer, trainer.current_epoch)
        if not batch_idx or batch_idx % trainer.accumulate_grad_batches:
            return
        stop = self._is_to_stop(trainer)
        if stop or self._is_due(trainer):
            if trainer.global_step > self._saved_at_step and self._is_complete(trainer, pl_module):
                self._save(trainer, batch=batch_idx)
            if stop and self.shutdown:
                self.shutdown.exit_if_requested()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        end_restart(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.global_step > self._saved_at_step:
            self._save(trainer, batch=0)
        if self.shutdown:
            self.shutdown.stop_waiting()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._saving = None

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._saving is None:  # another callback saves the best weights
            return
        batch = self._saving["batch"]
        checkpoint["progress"] = {
            **self._saving,
            "epoch": trainer.current_epoch,
            "logged": steps_logged(trainer),
            "length": total_steps(trainer),
            "pace": batch_layout(trainer),
            "stopped": trainer.should_stop,
            "best": kept_files(trainer),
            "generators": generator_states(trainer),
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
        }
        if isinstance(pl_module, Task) and batch:
            checkpoint["progress"]["measured"] = all_gather_states(trainer, pl_module.train_epoch.state())
        normalize_loop_state(checkpoint["loops"]["fit_loop"], batch)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        states = checkpoint["callbacks"]
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            state = states.get(callback.state_key, {})
            if "dirpath" in state:  # a run directory may have been moved
                states[callback.state_key] = rebase_callback_state(state, str(state["dirpath"]), str(callback.dirpath))
            if isinstance(callback, EarlyStopping) and state:
                self._has_more_patience = self._has_more_patience or callback.patience > state["patience"]
                state["patience"] = callback.patience  # which may have been changed
        if trainer.state.fn == TrainerFn.FITTING:
            self._loaded = checkpoint["progress"]
            trainer.num_sanity_val_steps = 0  # the sanity check would reset the metrics
            for state in checkpoint["lr_schedulers"]:
                remove_length(state)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._loaded:  # also if training is complete, and only the test is missing
            trainer.callback_metrics.update(_tensors(self._loaded["metrics"]))

    def _restore(self, trainer: L.Trainer, pl_module: L.LightningModule, progress: dict[str, Any]) -> None:
        trainer.callback_metrics.update(_tensors(progress["metrics"]))
        more = self._has_more_patience or total_steps(trainer) != progress["length"]
        trainer.should_stop = progress["stopped"] and not more
        if progress["batch"]:
            if progress["pace"] != batch_layout(trainer):
                raise UserError(
                    "trainer: the run was stopped within an epoch; resume with as many processes and batches as "
                    "before, and change them in the next epoch"
                )
            self._within_epoch = True
            if isinstance(pl_module, Task):
                pl_module.train_epoch.load_state(progress["measured"][trainer.global_rank])
        else:
            restore_generators(trainer, progress.get("generators", []))
            begin_with_new_epoch(trainer)
        if trainer.lr_scheduler_configs and total_steps(trainer) != progress["length"]:
            for config in trainer.lr_scheduler_configs:
                apply_length(config.scheduler)
            log.info("the schedule now covers %s steps", f"{total_steps(trainer):,}")

    def _is_complete(self, trainer: L.Trainer, pl_module: L.LightningModule) -> bool:
        """True if a checkpoint within an epoch would hold all that the rest of the epoch depends on."""
        if self._whole_epochs:
            return False
        unsaved = unsaved_state(trainer, pl_module)
        # All processes save together, or none, also where only the first of them logs something.
        complete = bool(trainer.strategy.reduce_boolean_decision(unsaved is None))
        self._whole_epochs = not complete
        if unsaved:
            log.warning("%s, is in no checkpoint; an interrupted run repeats its epoch from the start", unsaved)
        return complete

    def _is_due(self, trainer: L.Trainer) -> bool:
        steps = trainer.global_step - self._saved_at_step
        minutes = (time.monotonic() - self._saved_at) / 60
        by_step = self.every_n_steps is not None and steps >= self.every_n_steps
        by_time = self.every_minutes is not None and minutes >= self.every_minutes
        if self.every_minutes is not None and trainer.world_size > 1:
            by_time = bool(trainer.strategy.reduce_boolean_decision(by_time, all=False))
        return by_step or by_time

    def _is_to_stop(self, trainer: L.Trainer, always: bool = False) -> bool:
        """True if a process has received a signal: all have to stop at the same step."""
        received = self.shutdown is not None and self.shutdown.received is not None
        if trainer.world_size == 1:
            return received
        if not always and trainer.global_step % max(1, trainer.log_every_n_steps):  # type: ignore[attr-defined]
            return False  # a reduction over processes takes time
        together: bool = trainer.strategy.reduce_boolean_decision(received, all=False)
        if together and self.shutdown and not received:
            self.shutdown.received = Signals.SIGTERM
        return together

    def _save(self, trainer: L.Trainer, batch: int) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        for logger in trainer.loggers:  # first: the history before a checkpoint must be on disk
            logger.save()
        self._saving = {"batch": batch}
        trainer.save_checkpoint(self.path, weights_only=False)
        self._saving = None
        self._saved_at, self._saved_at_step = time.monotonic(), trainer.global_step


def _tensors(metrics: dict[str, float]) -> dict[str, Tensor]:
    return {name: torch.tensor(value) for name, value in metrics.items()}
