"""What every task does: one loss, some metrics, an optimizer and its schedule; and what it writes into checkpoints."""

import math
from abc import abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MetricCollection

from leyden.data.loader import Batch
from leyden.data.spec import DataSpec
from leyden.errors import UserError
from leyden.tasks.meter import Meter
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory, is_stale

Predictions = dict[str, Tensor | list[str]]


class Task(pl.LightningModule):
    """A network, with what trains and measures it. A subclass gives the `loss` and the metrics.

    Args:
        network: maps (B, *spec.input_shape) to (B, output_size).
        spec: the facts about the data.
        optimizer: makes the optimizer for the network; null for a task that is not to be trained.
        scheduler: makes the scheduler for the optimizer; null for a constant learning rate.
        train_metrics: what is measured while training.
        eval_metrics: what is measured in validation and test.

    Attributes:
        model: the settings that the network was built from, complete, plain values; `settings` those of the task. They
            are written into each checkpoint with the spec, so that one file is enough to rebuild it all.
    """

    TARGETS: ClassVar[str | None] = None  # the kind of targets that it learns, as in `DataSpec.task`; None for any
    needs_inputs: ClassVar[bool] = False  # whether the targets are made of the inputs

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
        self.train_meter = Meter(train_metrics, measured=self.measured)
        self.val_meter = Meter(eval_metrics, measured=self.measured)
        self.test_meter = Meter(eval_metrics.clone(), measured=self.measured)

    @classmethod
    def check(cls, spec: DataSpec) -> None:
        """Refuse data that have targets of another kind.

        Raises:
            UserError: they have.
        """
        if cls.TARGETS in (None, spec.task):
            return
        remedy = f"try task={spec.task}"
        if spec.columns is not None and spec.task == "regression":
            remedy += f", or data.categorical=[{spec.target_names[0]}] if its numbers are the names of classes"
        raise UserError(f"task={cls.TARGETS}: these data are for {spec.task}; {remedy}")

    @classmethod
    def output_size(cls, spec: DataSpec) -> int:
        """How many values the network is to give for each input."""
        return spec.output_size

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean, over a batch, of what is to be made small."""

    def targets(self, batch: Batch) -> Tensor:
        """What the network's outputs are to come near to."""
        return batch[1]

    def measured(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What the metrics are given, from outputs and targets as the loss sees them."""
        return outputs, targets

    def predictions(self, outputs: Tensor, inputs: Tensor, top_k: int = 1) -> Predictions:
        """What a person is told of a batch: columns by name, each of B numbers or words.

        Args:
            outputs: (B, ...) of the network.
            inputs: (B, *spec.input_shape), that they were made of.
            top_k: how many classes are told, where the outputs are classes.
        """
        return {f"output_{place}": column for place, column in enumerate(outputs.flatten(1).unbind(1))}

    @property
    def metric_names(self) -> list[str]:
        """What is logged at the end of an epoch."""
        meters = {"train": self.train_meter, "val": self.val_meter, "test": self.test_meter}
        return [f"{split}/{name}" for split, meter in meters.items() for name in ("loss", *meter.metrics)]

    def describe(self) -> str:
        """The network's name and size."""
        trained = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        frozen = sum(p.numel() for p in self.network.parameters() if not p.requires_grad)
        return f"{type(self.network).__name__}, {trained:,} parameters" + (f" and {frozen:,} frozen" if frozen else "")

    def forward(self, x: Tensor) -> Tensor:
        """What the network makes of (B, *input_shape)."""
        output: Tensor = self.network(x)
        return output

    def __setattr__(self, name: str, value: Any) -> None:
        if (
            name == "_current_fx_name"
        ):  # Lightning notes the hook it is in forty times a step: spare it nn.Module's checks
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self._step(batch, self.train_meter)
        if (self.global_step + 1) % self.log_every == 0:  # log() is dear: not in every step
            self.log("train/loss_step", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._step(batch, self.val_meter)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._step(batch, self.test_meter)

    def on_train_start(self) -> None:
        self.log_every = max(1, self.trainer.log_every_n_steps)  # type: ignore[attr-defined]  # Lightning types it late

    def on_train_epoch_start(self) -> None:
        self.train_meter.reset()

    def on_validation_epoch_start(self) -> None:
        self.val_meter.reset()

    def on_test_epoch_start(self) -> None:
        self.test_meter.reset()

    def on_train_epoch_end(self) -> None:
        self._report("train", self.train_meter)

    def on_validation_epoch_end(self) -> None:
        self._report("val", self.val_meter)

    def on_test_epoch_end(self) -> None:
        self._report("test", self.test_meter)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        if self.make_optimizer is None:
            raise RuntimeError("this task was made without an optimizer")
        optimizer = self.make_optimizer(self.network)
        if self.trainer.gradient_clip_val:
            # Lightning does not clip for fused optimizers under mixed precision, as they may unscale gradients
            # themselves; without this mark the scaler does it before, and both can be had.
            optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        if self.make_scheduler is None:
            return optimizer
        self.trainer.fit_loop.setup_data()  # a run that is limited by steps only does not know its epochs before
        steps = float(self.trainer.estimated_stepping_batches)
        in_an_epoch = math.ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)
        epochs = math.ceil(steps / in_an_epoch) if steps < math.inf else steps
        return {"optimizer": optimizer, "lr_scheduler": self.make_scheduler(optimizer, steps, epochs)}  # type: ignore[return-value]

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        make = self.make_scheduler
        if make and make.interval == "step" and self.global_step % make.frequency:
            return
        if isinstance(scheduler, ReduceLROnPlateau) and make and is_stale(self.trainer, make.monitor):
            return
        super().lr_scheduler_step(scheduler, metric)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint |= {"model": self.model, "task": self.settings, "spec": asdict(self.spec)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        now, then = asdict(self.spec), checkpoint["spec"]
        if other := [name for name in now if name in then and now[name] != then[name]]:
            raise UserError(f"data: {other[0]} is not what it was when the run began; put the data back as they were")

    def _step(self, batch: Batch, meter: Meter) -> Tensor:
        outputs, targets = self.network(batch[0]), self.targets(batch)
        loss = self.loss(outputs, targets)
        meter.add(loss, outputs, targets)
        return loss

    def _report(self, split: str, meter: Meter) -> None:
        """Log the epoch's loss and metrics, each as `split/name`."""
        self.log_dict({f"{split}/{name}": value for name, value in meter.compute().items()})
