"""Learning curves of a run in plots/, drawn again while it runs."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import CSVLogger

from leyden.callbacks.image_events import write_plots
from leyden.plots.learning_curves import learning_curves, read_curves
from leyden.plots.plot import Plot

log = logging.getLogger(__name__)

_MOST_OF_TIME = 0.02  # share of a run's time that figures may take
_FIRST = 0.3  # seconds, about what the first figure takes


class LearningCurves(L.Callback):
    """Draws the logged losses and metrics after an epoch, and when training ends.

    After an epoch they are drawn only if that takes no more than 2 % of the time since they were drawn before. The
    values are read from metrics.csv, so that a resumed run has those from before.

    Args:
        dirpath: folder of the figure.
        monitor: metric that decides which epoch is the best.
        mode: min or max.
    """

    def __init__(self, dirpath: str, monitor: str, mode: str) -> None:
        self.dirpath, self.monitor, self.mode = Path(dirpath), monitor, mode
        self._drawn, self._cost = 0.0, _FIRST  # seconds

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._drawn = time.monotonic()
        if not _tables(trainer) and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            log.info("no learning curves: they are drawn from metrics.csv, which logger=default writes")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch and self._cost <= _MOST_OF_TIME * (time.monotonic() - self._drawn):
            self._draw(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._draw(trainer)

    def _draw(self, trainer: L.Trainer) -> None:
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        began = time.monotonic()
        for logger in _tables(trainer)[:1]:
            logger.save()
            write_plots(trainer, self.dirpath, self._plots(Path(logger.experiment.metrics_file_path)), step=None)
        self._drawn = time.monotonic()
        self._cost = self._drawn - began

    def _plots(self, table: Path) -> Iterator[Plot]:
        plot = learning_curves(read_curves(table), self.monitor, self.mode)
        if plot:
            yield plot


def _tables(trainer: L.Trainer) -> list[CSVLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, CSVLogger)]
