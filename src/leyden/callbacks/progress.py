"""Progress of a run: a line in the log for each epoch, and a bar within it on a terminal."""

import logging
import math
import time
from typing import Any

import lightning as L
import rich
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor

from leyden.callbacks.best import best_checkpoint, best_so_far
from leyden.system.processes import rank
from leyden.tasks.task import Task

log = logging.getLogger(__name__)


class Progress(ProgressBar):
    """Logs one line after each epoch, and draws a bar on a terminal, which is removed when it is full.

    Args:
        metrics: names, without the split, of the metrics in the line; by default the loss, the metrics of training
            and the monitored one.

    Attributes:
        tested: name of the split that a test measures.
    """

    def __init__(self, metrics: list[str] | None = None) -> None:
        super().__init__()
        self.metrics = metrics
        self.tested = "test"
        self._enabled = True
        self._bar: Bar | None = None
        self._drawn = 0.0
        self._epoch_started = 0.0
        self._epoch: int | None = None
        self._validated = False
        self._best: tuple[float, float | None] | None = None

    @property
    def is_enabled(self) -> bool:
        """True if a bar may be drawn; `LightningModule.print` reads it."""
        return self._enabled

    def disable(self) -> None:
        self._enabled = False
        self._stop()

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._best = best_so_far(trainer)  # of a run that is resumed
        if trainer.fit_loop.epoch_loop.batch_progress.current.completed:  # resumed within an epoch
            self._begin(trainer)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)
        self._begin(trainer)

    def _begin(self, trainer: L.Trainer) -> None:
        self._epoch, self._epoch_started, self._validated = trainer.current_epoch, time.monotonic(), False
        self._start(f"epoch {_epoch(trainer, self._epoch)}", self.total_train_batches)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._validated = True
            self._start("validation", sum(trainer.num_val_batches))

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._start(self.tested, sum(trainer.num_test_batches))

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._stop()
        log.info("%s: %s", self.tested, self._line(trainer, "test"))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _report(self, trainer: L.Trainer) -> None:
        """Log the line of the epoch before, whose metrics are complete only after every hook at its end."""
        self._stop()
        if self._epoch is None:
            return
        number, self._epoch = self._epoch, None
        best, so_far = best_checkpoint(trainer), best_so_far(trainer)
        measured = best is not None and (self._validated or not str(best.monitor).startswith("val/"))
        is_best = measured and so_far is not None and so_far != self._best and not math.isnan(so_far[0])
        self._best = so_far
        log.info(
            "epoch %s  train: %s  val: %s  %.1f s%s",
            _epoch(trainer, number),
            self._line(trainer, "train"),
            self._line(trainer, "val") if self._validated else "–",
            time.monotonic() - self._epoch_started,
            "  best" if is_best else "",
        )

    def _line(self, trainer: L.Trainer, split: str) -> str:
        task = trainer.lightning_module
        names = self.metrics or ["loss", *(task.train_epoch.metrics if isinstance(task, Task) else [])]
        best = best_checkpoint(trainer)
        if best and (monitored := str(best.monitor).partition("/")[2]) not in names and self.metrics is None:
            names = [*names, monitored]  # which a task may log itself
        values = {name: trainer.callback_metrics.get(f"{split}/{name}") for name in names}
        return " ".join(f"{name} {_shown(value)}" for name, value in values.items() if value is not None) or "–"

    def _start(self, title: str, total: float) -> None:
        self._stop()
        console = rich.get_console()
        if not self._enabled or rank() or not console.is_terminal:
            return
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        self._bar = Bar(*columns, console=console, transient=True, auto_refresh=False)
        self._bar.start()
        self._bar.add_task(title, total=total)

    def _move(self, *args: Any, **_: Any) -> None:
        """Hook at the end of a batch."""
        if self._bar and time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()  # the fifth argument is the index of the batch
            self._bar.update(self._bar.task_ids[0], completed=args[4] + 1, refresh=True)

    on_train_batch_end = on_validation_batch_end = on_test_batch_end = _move

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def _shown(value: Tensor) -> str:
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4g}"


def _epoch(trainer: L.Trainer, number: int) -> str:
    last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
    return f"{number + 1:>{len(str(last))}}/{last}" if last else str(number + 1)
