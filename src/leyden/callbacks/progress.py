"""Progress of a run: a line in the log for each epoch, and on a terminal a line with a bar for the whole run."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from torch import Tensor

from leyden.callbacks.best import best_checkpoint, best_epoch, best_so_far
from leyden.callbacks.epoch_line import epoch_forms
from leyden.callbacks.extent import TimeLeft, fraction_done, validated_before
from leyden.system.console import log_line
from leyden.system.formatting import aligned
from leyden.system.live_line import LiveLine
from leyden.system.processes import rank
from leyden.tasks.task import Task

log = logging.getLogger(__name__)

_EVERY = 0.1  # seconds between two updates of the bar, each of which may wait for the device
_SMOOTHING = 0.8  # weight of the former running loss at an update


class Progress(ProgressBar):
    """Logs a line after each epoch, one with the best epoch and one with the test; on a terminal it draws a bar.

    The bar shows the fraction of the run that is done, a running mean of the loss, the best monitored metric so far,
    and the estimated time that is left. It is removed at the end.

    Args:
        metrics: names, without the split, of the metrics in the line of an epoch and of the test; by default the loss
            and the monitored metric, and all metrics of the test. metrics.csv has all of them.

    Attributes:
        tested: name of the split that a test measures.
        logs_test: log a line with the metrics of a test.
    """

    def __init__(self, metrics: list[str] | None = None) -> None:
        super().__init__()
        self.metrics = metrics
        self.tested, self.logs_test = "test", True
        self._enabled = True
        self._line, self._left = LiveLine(), TimeLeft()
        self._drawn = 0.0
        self._fraction = 0.0
        self._batch = 0
        self._validated = 0  # batches of validations in this epoch
        self._loss: float | None = None
        self._epoch_started = 0.0
        self._epoch: int | None = None
        self._has_validated = False
        self._best: tuple[float, float | None] | None = None

    @property
    def is_enabled(self) -> bool:
        """True if a bar may be drawn; `LightningModule.print` reads it."""
        return self._enabled

    def disable(self) -> None:
        self._enabled = False
        self._line.close()

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._best = best_so_far(trainer)  # of a run that is resumed
        self._left, self._fraction, self._loss = TimeLeft(), 0.0, None
        self._open()
        self._batch = trainer.fit_loop.epoch_loop.batch_progress.current.completed
        self._validated = validated_before(trainer, self._batch)
        self._left.mark(fraction_done(trainer, self._batch, self._validated) or 0.0, time.monotonic())
        if self._batch:  # resumed within an epoch
            self._begin(trainer)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)
        self._batch = self._validated = 0
        self._begin(trainer)

    def _begin(self, trainer: L.Trainer) -> None:
        self._epoch, self._epoch_started, self._has_validated = trainer.current_epoch, time.monotonic(), False
        if self._is_due():
            self._draw(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any) -> None:
        outputs, _, batch = args[:3]
        self._batch = batch + 1
        if self._is_due():
            self._follow(outputs, trainer.accumulate_grad_batches)
            self._draw(trainer)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._has_validated = not trainer.sanity_checking

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        self._validated += 1
        if self._is_due():
            self._draw(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)
        self._line.close()
        best, epoch = best_checkpoint(trainer), best_epoch(trainer)
        if best and self._best:
            when = f" in epoch {epoch} of {max(epoch, trainer.current_epoch)}" if epoch else ""
            log.info("best: %s %s%s", best.monitor, aligned(self._best[0]).strip(), when)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._open()
        self._batch, self._left, self._fraction = 0, TimeLeft(), 0.0
        self._left.mark(0.0, time.monotonic())

    def on_test_batch_end(self, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        self._batch += 1
        if self._is_due():
            total = sum(trainer.num_test_batches)
            fraction = self._batch / total if math.isfinite(total) else None
            self._line.show(self.tested, fraction, (), self._left.seconds(fraction, time.monotonic()))

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._line.close()
        if not self.logs_test:
            return
        task = trainer.lightning_module
        shown = [*task.train_epoch.metrics, *task.test_epoch.named.metrics] if isinstance(task, Task) else []
        names = self.metrics or ["loss", *dict.fromkeys(shown)]
        log.info("%s: %s", self.tested, _values(trainer, "test", [*names, *self._monitored(trainer)]) or "–")

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._line.close()

    def _report(self, trainer: L.Trainer) -> None:
        """Log the line of the epoch before, whose metrics are complete only after every hook at its end."""
        if self._epoch is None:
            return
        number, self._epoch = self._epoch, None
        self._left.mark(fraction_done(trainer, 0), time.monotonic())
        best, so_far = best_checkpoint(trainer), best_so_far(trainer)
        measured = best is not None and (self._has_validated or not str(best.monitor).startswith("val/"))
        is_best = measured and so_far is not None and so_far != self._best and not math.isnan(so_far[0])
        self._best = so_far
        names = self._shown(trainer)
        train = [_values(trainer, "train", [name]) for name in names]
        val = [_values(trainer, "val", [name]) for name in names] if self._has_validated else []
        seconds = time.monotonic() - self._epoch_started
        forms = epoch_forms(f"epoch {_epoch(trainer, number)}", train, val, seconds, is_best)
        log_line(log, *(forms[:1] if self.metrics else forms))

    def _shown(self, trainer: L.Trainer) -> list[str]:
        """Names of the metrics in the line of an epoch."""
        if self.metrics is not None:
            return self.metrics
        task, names = trainer.lightning_module, ["loss", *self._monitored(trainer)]
        measured = list(task.train_epoch.metrics) if isinstance(task, Task) else []
        return list(dict.fromkeys(names if len({*names}) > 1 else [*names, *map(str, measured[:1])]))

    def _monitored(self, trainer: L.Trainer) -> list[str]:
        """Name of the monitored metric without its split, if it is to be shown; a task may log it itself."""
        best = best_checkpoint(trainer)
        return [str(best.monitor).partition("/")[2]] if best and self.metrics is None else []

    def _open(self) -> None:
        if self._enabled and not rank():
            self._line.open()
            self._drawn = 0.0

    def _is_due(self) -> bool:
        if not self._line.is_open or time.monotonic() - self._drawn < _EVERY:
            return False
        self._drawn = time.monotonic()
        return True

    def _follow(self, outputs: Any, accumulated: int) -> None:
        """Update the running loss; Lightning divides that of a batch by the number of accumulated batches."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1:
            value = float(loss) * accumulated
            before = value if self._loss is None or not math.isfinite(self._loss) else self._loss
            self._loss = _SMOOTHING * before + (1 - _SMOOTHING) * value

    def _draw(self, trainer: L.Trainer) -> None:
        """Draw the bar of the training run."""
        if not self._line.is_open:
            return
        fraction, best = fraction_done(trainer, self._batch, self._validated), best_checkpoint(trainer)
        if fraction is not None:
            self._fraction = fraction = max(fraction, self._fraction)  # as a length may become known only later
        values = [] if self._loss is None else [f"loss {aligned(self._loss)}"]
        values += [f"best {best.monitor} {aligned(self._best[0]).strip()}"] if best and self._best else []
        left = self._left.seconds(fraction, time.monotonic())
        self._line.show(f"epoch {_epoch(trainer, trainer.current_epoch)}", fraction, values, left)


def _values(trainer: L.Trainer, split: str, names: Sequence[str]) -> str:
    """Metrics of a split with their names; empty if none is measured."""
    measured = {name: trainer.callback_metrics.get(f"{split}/{name}") for name in names}
    return " ".join(f"{name} {aligned(float(value))}" for name, value in measured.items() if value is not None)


def _epoch(trainer: L.Trainer, number: int) -> str:
    last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
    return f"{number + 1:>{len(str(last))}}/{last}" if last else str(number + 1)
