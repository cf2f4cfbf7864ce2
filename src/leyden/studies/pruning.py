"""Gives up a run of a search that is worse than others were."""

import logging
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl

from leyden.config.experiment import Trial
from leyden.system.errors import UserError

if TYPE_CHECKING:
    import optuna
    from optuna.storages import RDBStorage

log = logging.getLogger(__name__)

_PRUNED = "pruned_at"


class Pruning(pl.Callback):
    """Tells a study how a run goes, after each epoch that was validated, and ends it where the study's pruner says so.

    The first process asks, and all do as it is told. A study that cannot be reached ends no run: nothing is told then.
    An epoch that was told of before the run was killed is not told of again; it was the same.

    Args:
        trial: where to tell.

    Attributes:
        pruned: whether the run was given up.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.pruned = False
        self._validated = False
        self._storage: RDBStorage | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Also a run that was killed after it was given up, and before its record said so, is given up."""
        step = trainer.strategy.broadcast(self._pruned_at() if trainer.is_global_zero else None)
        if step is not None and trainer.current_epoch > step:
            self._give_up(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._validated:  # in this epoch
            return
        self._validated = False
        value = trainer.callback_metrics.get(self.trial.monitor)
        bad = trainer.is_global_zero and value is not None and self._is_bad(float(value), trainer.current_epoch)
        done = trainer.current_epoch + 1
        free = done >= (trainer.min_epochs or 0) and done != trainer.max_epochs  # a complete run is worth more
        if trainer.strategy.broadcast(bad) and free:
            if trainer.is_global_zero:
                self._note(trainer.current_epoch)
            self._give_up(trainer)
            log.info("given up after epoch %d, as the pruner of the search says", done)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.pruned and "progress" in checkpoint:  # of LastCheckpoint, which came before
            checkpoint["progress"]["stopped"] = False  # whoever resumes such a run by hand wants it to go on

    def _give_up(self, trainer: pl.Trainer) -> None:
        self.pruned = trainer.should_stop = True

    def _is_bad(self, value: float, step: int) -> bool:
        try:
            trial = self._open()
            if step not in self._told(trial):
                trial.report(value, step)
            return trial.should_prune()
        except Exception as error:  # of a database
            log.warning("the study was not told of epoch %d (%s)", step + 1, _brief(error))
            return False

    def _pruned_at(self) -> int | None:
        try:
            step: int | None = self._open().user_attrs.get(_PRUNED)
        except Exception as error:
            log.warning("the study cannot be asked (%s)", _brief(error))
            return None
        return step

    def _note(self, step: int) -> None:
        try:
            self._open().set_user_attr(_PRUNED, step)
        except Exception as error:
            log.warning("the study was not told that this run is given up (%s)", _brief(error))

    def _told(self, trial: "optuna.Trial") -> dict[int, float]:
        return trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values

    def _open(self) -> "optuna.Trial":
        """The trial as it stands in the study now."""
        from leyden.studies.storage import (  # Optuna, which is optional
            build_pruner,
            handed_over,
            open_storage,
            trial_of,
        )

        if self._storage is None:
            self._storage = open_storage(handed_over(self.trial.storage))
        pruner = build_pruner(self.trial.pruner)
        return trial_of(self._storage, self.trial.study, self.trial.number, pruner=pruner)


def _brief(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else type(error).__name__  # others may quote a password


def is_pruned(trainer: pl.Trainer) -> bool:
    """Whether a run was given up."""
    return any(isinstance(callback, Pruning) and callback.pruned for callback in trainer.callbacks)  # type: ignore[attr-defined]
