"""Progress that shows what matters: a line for each epoch, and a bar within it where a person is watching."""

import logging
import time
from typing import Any

import lightning.pytorch as pl
import rich
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor

from leyden.callbacks.best import best_checkpoint
from leyden.processes import rank
from leyden.tasks.task import Task

log = logging.getLogger(__name__)


class Progress(ProgressBar):
    """One line for each epoch goes to the log; the bar is drawn on a terminal only, and wiped when it is full.

    Args:
        metrics: the names, without the split, that the line shows; by default the loss and what is measured in
            training.

    Attributes:
        tested: what a test is called: another split may be measured by it.
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
        self._best: Tensor | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether a bar may be drawn; `LightningModule.print` asks."""
        return self._enabled

    def disable(self) -> None:
        self._enabled = False
        self._stop()

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        best = best_checkpoint(trainer)
        self._best = best.best_model_score if best else None  # of a run that goes on
        if trainer.fit_loop.epoch_loop.batch_progress.current.completed:  # in the middle of an epoch, which has begun
            self._begin(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._report(trainer)
        self._begin(trainer)

    def _begin(self, trainer: pl.Trainer) -> None:
        self._epoch, self._epoch_started, self._validated = trainer.current_epoch, time.monotonic(), False
        self._start(f"epoch {_epoch(trainer, self._epoch)}", self.total_train_batches)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._move(batch_idx + 1)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._validated = True
            self._start("validation", sum(trainer.num_val_batches))

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._move(batch_idx + 1)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start(self.tested, sum(trainer.num_test_batches))

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._move(batch_idx + 1)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()
        log.info("%s: %s", self.tested, self._line(trainer, "test"))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._report(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _report(self, trainer: pl.Trainer) -> None:
        """Tell of the epoch before. (Its metrics are complete only after every hook at its end.)"""
        self._stop()
        if self._epoch is None:
            return
        number, self._epoch = self._epoch, None
        best = best_checkpoint(trainer)
        score = best.best_model_score if best else None
        told = best is not None and (self._validated or not str(best.monitor).startswith("val/"))
        is_best = told and score is not None and score != self._best and not score.isnan()
        self._best = score
        log.info(
            "epoch %s  train: %s  val: %s  %.1f s%s",
            _epoch(trainer, number),
            self._line(trainer, "train"),
            self._line(trainer, "val") if self._validated else "–",
            time.monotonic() - self._epoch_started,
            "  best" if is_best else "",
        )

    def _line(self, trainer: pl.Trainer, split: str) -> str:
        task = trainer.lightning_module
        names = self.metrics or (["loss", *task.train_meter.metrics] if isinstance(task, Task) else ["loss"])
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

    def _move(self, completed: int) -> None:
        if self._bar and time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            self._bar.update(self._bar.task_ids[0], completed=completed, refresh=True)

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def _shown(value: Tensor) -> str:
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4g}"


def _epoch(trainer: pl.Trainer, number: int) -> str:
    last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
    return f"{number + 1:>{len(str(last))}}/{last}" if last else str(number + 1)
