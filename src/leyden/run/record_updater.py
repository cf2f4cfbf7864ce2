"""Progress of a run in run.json, current while it runs and after it was killed."""

import logging
import math
from pathlib import Path

import lightning as L

from leyden.callbacks.best import best_checkpoint, best_score
from leyden.run.directory import Run

log = logging.getLogger(__name__)


class RecordUpdater(L.Callback):
    """Records epochs, steps and metrics after each epoch; warns when the loss is not finite.

    The run begins to write when every other callback, which may refuse it, has seen the start of training.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._diverged = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.run.begin()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch:
            self._update(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._update(trainer)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.run.begin()  # if training was complete, it has not begun
        self._update(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if trainer.training:
            self._update(trainer)

    def _update(self, trainer: L.Trainer) -> None:
        metrics, best = logged_metrics(trainer), best_checkpoint(trainer)
        if best is None or best.best_model_path:
            self.run.set_best(Path(best.best_model_path) if best else None)
        self.run.update(trainer.current_epoch, trainer.global_step, metrics | best_score(trainer))
        loss = metrics.get("train/loss", 0.0)
        if not (math.isfinite(loss) or self._diverged) and self.run.writes:
            self._diverged = True
            log.warning(
                "the loss is %s, and so the weights are of no use; a smaller optimizer.lr or "
                "trainer.gradient_clip_val=1 may help, debug=detect_anomaly finds the place",
                loss,
            )


def logged_metrics(trainer: L.Trainer) -> dict[str, float]:
    """Metrics of whole epochs, without those of single steps."""
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return {name: value for name, value in metrics.items() if "/" in name and not name.endswith("_step")}
