"""Base class of tasks: loss, metrics, optimizers and schedulers of a network, and their part of a checkpoint."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, ClassVar

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MetricCollection

from leyden.data.loader import Batch
from leyden.data.spec import DataSpec
from leyden.plots.coefficients import coefficient_plots
from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot
from leyden.system.errors import UserError
from leyden.system.lightning_internals import (
    QuickHookName,
    current_hook,
    is_accumulating,
    training_batch,
    unscale_before_clipping,
)
from leyden.tasks.accumulation import BatchSizes, GradientWeights, StepLoss, mean_over_processes
from leyden.tasks.duration import duration
from leyden.tasks.epoch_metrics import EpochMetrics
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory, is_outdated, is_plateau

Predictions = dict[str, Tensor | list[str]]


class Task(QuickHookName, L.LightningModule):
    """Network with its loss, metrics, optimizer and scheduler. A subclass defines `loss` and passes the metrics.

    For several optimizers or manual optimisation override `configure_optimizers` and `training_step`, as in any
    LightningModule.

    Args:
        network: maps (B, *spec.input_shape) to (B, output_size).
        spec: facts about the data.
        optimizer: makes the optimizer of the network; null for a task that is not trained.
        scheduler: makes the scheduler of the optimizer; null for a constant learning rate.
        train_metrics: of the training.
        eval_metrics: of validation and test.

    Attributes:
        model: complete settings of the network, plain values; `settings` those of the task. A checkpoint contains both
            and the spec, so that one file is enough to rebuild the task.
    """

    TARGETS: ClassVar[str | None] = None  # kind of targets, as in `DataSpec.task`; None for any
    METRICS: ClassVar[tuple[str, ...]] = ("loss",)  # names for the remedy of a mistyped `monitor`
    needs_inputs: ClassVar[bool] = False  # true if the targets are computed from the inputs

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        optimizer: OptimizerFactory | None,
        scheduler: SchedulerFactory | None,
        train_metrics: MetricCollection,
        eval_metrics: MetricCollection,
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.model: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.example_input_array = torch.zeros(2, *spec.input_shape)  # for the summary's sizes
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self._gradient_weights, self._batch_sizes = GradientWeights(), BatchSizes()
        self._step_loss = StepLoss()
        self.train_epoch = EpochMetrics(train_metrics, metric_inputs=self.metric_inputs)
        self.val_epoch = EpochMetrics(eval_metrics, metric_inputs=self.metric_inputs)
        self.test_epoch = EpochMetrics(eval_metrics.clone(), metric_inputs=self.metric_inputs)

    @classmethod
    def check(cls, spec: DataSpec) -> None:
        """Check that the data have targets of this kind.

        Raises:
            UserError: they have others.
        """
        if cls.TARGETS in (None, spec.task):
            return
        raise UserError(f"task={cls.TARGETS}: these data are for {spec.task}; try task={spec.task}")

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        """Number of outputs of the network for each input."""
        return spec.output_size

    @property
    def example_input_array(self) -> Any:
        """Two inputs of zeros, for the summary's sizes; in the precision of the network, which a Trainer may change."""
        example = self._example_input_array
        known = (p.dtype for p in self.network.parameters() if p.is_floating_point())
        return example.to(next(known, example.dtype)) if isinstance(example, Tensor) else example

    @example_input_array.setter
    def example_input_array(self, example: Any) -> None:
        self._example_input_array = example

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss to minimise: the mean over the items of a batch.

        It must divide by the number of items, not by a sum of weights that depends on the items of a batch. Then the
        loss of an epoch, and the gradient of a step, do not depend on batch size, accumulation or processes.
        """

    def targets(self, batch: Batch) -> Tensor:
        """Targets of a batch, which the outputs of the network should match."""
        return batch[1]

    def items_in(self, batch: Any) -> int:
        """Number of items in a batch: its weight in a gradient that is accumulated over several batches.

        The first dimension of the first tensor; override it for batches of another structure.
        """
        return self._batch_sizes(batch)

    def metric_inputs(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the metrics, from outputs and targets of the loss."""
        return outputs, targets

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """Predictions of a batch for a table: columns by name, each of B numbers or words.

        Args:
            outputs: (B, ...) of the network.
            inputs: (B, *spec.input_shape) of the network.
            top_k: number of classes to list, if the outputs are classes.
        """
        return {f"output_{place}": column for place, column in enumerate(outputs.flatten(1).unbind(1))}

    def item_errors(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """Error (B,) of each item, by which the worst predictions are found; None if there is no such measure."""
        return None

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        """Figures of the outputs for a split, on the device of the task, which are drawn after a test and by eval.py.

        By default the coefficients of a network that has any: `coefficients`, weights (outputs, inputs).
        """
        yield from coefficient_plots(self.network, self.spec)

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics that are logged at the end of an epoch."""
        of_splits = {"train": self.train_epoch, "val": self.val_epoch, "test": self.test_epoch}
        return [f"{split}/{name}" for split, epoch in of_splits.items() for name in ("loss", *epoch.metrics)]

    def describe(self) -> str:
        """Name and size of the network."""
        trained = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        frozen = sum(p.numel() for p in self.network.parameters() if not p.requires_grad)
        return f"{type(self.network).__name__}, {trained:,} parameters" + (f" and {frozen:,} frozen" if frozen else "")

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the network for (B, *input_shape)."""
        output: Tensor = self.network(x)
        return output

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if self._is_evaluated_again:  # by an optimizer such as LBFGS: metrics count each item once
            return self.loss(self.network(batch[0]), self.targets(batch))
        loss = self._step(batch, self.train_epoch)
        if (self.global_step + 1) % self.log_every == 0:  # log() is expensive: not in every step
            self._log_step(loss, batch)
        return loss

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """The backward pass of a batch, so that the gradient of a step is the mean over the items of its batches."""
        if not self.automatic_optimization:
            super().backward(loss, *args, **kwargs)
            return
        trainer = self.trainer
        epoch, batch, every = trainer.current_epoch, trainer.fit_loop.batch_idx, trainer.accumulate_grad_batches
        uneven = trainer.world_size > 1 and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch  # perhaps
        if (every == 1 and not uneven) or trainer.strategy.handles_gradient_accumulation:
            self._gradient_weights.last = epoch, batch
            super().backward(loss, *args, **kwargs)
            return
        items = self.items_in(training_batch(trainer))
        average = mean_over_processes(trainer, items) if uneven else items
        weight = self._gradient_weights.weight(epoch, batch, items, every, average)
        super().backward(loss if weight == 1.0 else loss * weight, *args, **kwargs)
        if not is_accumulating(trainer):
            self._correct_gradients()

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        self._correct_gradients()  # of a step whose last batch was skipped: training_step may return None

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Lightning's `log`; in training_step each item counts once, even if evaluated several times."""
        if not (current_hook(self) == "training_step" and self._is_evaluated_again):
            super().log(*args, **kwargs)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._step(batch, self.val_epoch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Outputs and targets of the batch, for figures."""
        outputs, targets = self.outputs_and_targets(batch)
        self.test_epoch.add(self.loss(outputs, targets), outputs, targets)
        return {"outputs": outputs, "targets": targets}

    def outputs_and_targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Outputs of the network for a batch, and its targets."""
        return self.network(batch[0]), self.targets(batch)

    def on_train_start(self) -> None:
        self.log_every = max(1, self.trainer.log_every_n_steps)  # type: ignore[attr-defined]  # Lightning types it late
        self._gradient_weights = GradientWeights()
        self._step_loss = StepLoss()

    def on_train_epoch_start(self) -> None:
        self.train_epoch.reset()

    def on_validation_epoch_start(self) -> None:
        self.val_epoch.reset()

    def on_test_epoch_start(self) -> None:
        self.test_epoch.reset()

    def on_train_epoch_end(self) -> None:
        self._report("train", self.train_epoch)

    def on_validation_epoch_end(self) -> None:
        self._report("val", self.val_epoch)

    def on_test_epoch_end(self) -> None:
        self._report("test", self.test_epoch)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        if self.make_optimizer is None:
            raise RuntimeError("this task was made without an optimizer")
        optimizer = self.make_optimizer(self.network)
        if self.trainer.gradient_clip_val:
            unscale_before_clipping(optimizer)
        if self.make_scheduler is None:
            return optimizer
        length = duration(self.trainer)
        scheduler = self.make_scheduler(optimizer, length.steps, length.epochs)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}  # type: ignore[return-value]

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        make = self.make_scheduler
        if make and make.interval == "step" and self.global_step % make.frequency:
            return
        if is_plateau(scheduler) and make and is_outdated(self.trainer, make.monitor):
            return
        super().lr_scheduler_step(scheduler, metric)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint |= {"model": self.model, "task": self.settings, "spec": asdict(self.spec)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        now, then = asdict(self.spec), checkpoint["spec"]
        if other := [name for name in now if name in then and now[name] != then[name]]:
            raise UserError(
                f"data: {other[0]} is not what it was when the run began, so the files have changed; put the data back "
                "as they were, or start a new run"
            )

    def _step(self, batch: Batch, epoch: EpochMetrics) -> Tensor:
        outputs, targets = self.outputs_and_targets(batch)
        loss = self.loss(outputs, targets)
        epoch.add(loss, outputs, targets)
        return loss

    def _log_step(self, loss: Tensor, batch: Batch) -> None:
        """Log the loss of an optimizer step: the mean over the items of its batches, in all processes."""
        trainer = self.trainer
        if trainer.accumulate_grad_batches > 1:
            self._step_loss.add(loss, self.items_in(batch))
            if is_accumulating(trainer):
                return
            loss = self._step_loss.pop()
        self.log("train/loss_step", loss, on_step=True, on_epoch=False, sync_dist=trainer.world_size > 1)

    @property
    def _is_evaluated_again(self) -> bool:
        return self._gradient_weights.last == (self.trainer.current_epoch, self.trainer.fit_loop.batch_idx)

    def _correct_gradients(self) -> None:
        self._gradient_weights.correct(parameter.grad for parameter in self.parameters())

    def _report(self, split: str, epoch: EpochMetrics) -> None:
        """Log the epoch's loss and metrics, each as `split/name`."""
        self.log_dict({f"{split}/{name}": value for name, value in epoch.compute().items()})
