"""Callback that prunes a run of a search."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import lightning as L

from leyden.config.experiment import Trial
from leyden.system.errors import UserError

if TYPE_CHECKING:
    import optuna
    from optuna.storages import RDBStorage

log = logging.getLogger(__name__)
T = TypeVar("T")

_PRUNED = "pruned_at"


class Pruning(L.Callback):
    """Reports the monitored metric to a study after each validated epoch, and stops the run if the pruner says so.

    Rank 0 decides for all processes. If the study cannot be reached, nothing is reported and the run continues. After a
    resume, epochs that were reported before are not reported again; their values are the same.

    Args:
        trial: study and number of the trial.

    Attributes:
        pruned: whether the run is pruned.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.pruned = False
        self._validated = False
        self._storage: RDBStorage | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop a run that was killed between its pruning and the end of its record."""
        step = trainer.strategy.broadcast(self._pruned_at() if trainer.is_global_zero else None)
        if step is not None and trainer.current_epoch > step:
            self._stop(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not self._validated:  # in this epoch
            return
        self._validated = False
        value = trainer.callback_metrics.get(self.trial.monitor)
        bad = trainer.is_global_zero and value is not None and self._is_bad(float(value), trainer.current_epoch)
        done = trainer.current_epoch + 1
        free = done >= (trainer.min_epochs or 0) and done != trainer.max_epochs  # which is the end anyway
        if trainer.strategy.broadcast(bad) and free:
            if trainer.is_global_zero:
                self._note(trainer.current_epoch)
            self._stop(trainer)
            log.info("pruned after epoch %d", done)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self.pruned and "progress" in checkpoint:  # from LastCheckpoint, which is called before
            checkpoint["progress"]["stopped"] = False  # a resume by hand is to continue it

    def _stop(self, trainer: L.Trainer) -> None:
        self.pruned = trainer.should_stop = True

    def _is_bad(self, value: float, step: int) -> bool:
        def report() -> bool:
            trial = self._open()
            if step not in trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values:
                trial.report(value, step)
            return trial.should_prune()

        return self._try(report, f"epoch {step + 1} was not reported to the study") or False

    def _pruned_at(self) -> int | None:
        return self._try(lambda: self._open().user_attrs.get(_PRUNED), "the study cannot be read")

    def _note(self, step: int) -> None:
        pruned = "the pruning of this run was not recorded in the study"
        self._try(lambda: self._open().set_user_attr(_PRUNED, step), pruned)

    def _try(self, action: Callable[[], T], failure: str) -> T | None:
        """Result of an action; None after an error of the database, with a warning."""
        try:
            return action()
        except Exception as error:  # other messages than ours may contain a password
            log.warning("%s (%s)", failure, error if isinstance(error, UserError) else type(error).__name__)
            return None

    def _open(self) -> "optuna.Trial":
        """Trial in its current state in the study."""
        from leyden.studies.storage import (  # Optuna is optional
            build_pruner,
            open_storage,
            resolve_url,
            trial_of,
        )

        if self._storage is None:
            self._storage = open_storage(resolve_url(self.trial.storage))
        pruner = build_pruner(self.trial.pruner)
        return trial_of(self._storage, self.trial.study, self.trial.number, pruner=pruner)


def is_pruned(trainer: L.Trainer) -> bool:
    """True if a run is pruned."""
    return any(isinstance(callback, Pruning) and callback.pruned for callback in trainer.callbacks)  # type: ignore[attr-defined]
