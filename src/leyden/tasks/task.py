"""Base class of tasks: loss and metrics of a network, what it reads from a batch, and its part of a checkpoint."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from leyden.data.batches import map_tensors
from leyden.data.spec import DataSpec
from leyden.plots.coefficients import coefficient_plots
from leyden.plots.evaluated import Evaluated
from leyden.plots.plot import Plot
from leyden.system.errors import UserError
from leyden.system.user_code import UserCodeError, short
from leyden.tasks.epoch_metrics import EpochMetrics
from leyden.tasks.failures import UNKNOWN, failed_step, no_pair
from leyden.tasks.named_metrics import MetricsSetting, Scored
from leyden.tasks.optimization import Optimization, Optimizers, Schedulers
from leyden.tasks.output_settings import with_settings
from leyden.tasks.target_columns import target_columns
from leyden.tasks.validation_outputs import ValidationOutputs

Predictions = dict[str, Tensor | list[str]]


class Task(Scored, Optimization):
    """Network with its loss, metrics, optimizers and schedulers.

    A subclass defines `loss`, and usually `metrics`. Batches are pairs (inputs, targets) by default. For others, such
    as mappings, override `inputs` and `targets`: all else follows from them. Outputs and targets may be tensors, or
    tuples, lists and mappings of tensors with the items along their first dimension. For several optimizers or manual
    optimisation override `training_step`, as in any LightningModule.

    Args:
        network: maps `inputs(batch)`, by default (B, *spec.input_shape), to (B, output_size).
        spec: facts about the data.
        optimizer: makes the optimizer of the network, or by name those of its parts; None without training.
        scheduler: makes the scheduler of the optimizer, or by name those of several; None for constant learning rates.
        metrics: further metrics of validation and test by name, as [f1, {auroc: {average: macro}}]; see `scores`.

    Attributes:
        model: complete settings of the network, plain values; `settings` those of the task. A checkpoint contains both
            and the spec, so that one file is enough to rebuild the task.
    """

    METRICS: ClassVar[tuple[str, ...]] = ("loss",)  # names for the remedy of a mistyped `monitor`
    needs_inputs: ClassVar[bool] = False  # true if the targets are computed from the inputs

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        optimizer: Optimizers = None,
        scheduler: Schedulers = None,
        metrics: MetricsSetting = None,
    ) -> None:
        super().__init__(network, optimizer, scheduler)
        self.spec = spec
        self._more_metrics = self.checked_metrics(metrics)
        self.model, self.settings = dict[str, Any](), dict[str, Any]()
        self._example_input_array = None

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
        """Number of outputs of the network for each input. It may have arguments that are settings of the task."""
        return spec.output_size

    @classmethod
    def output_shape(cls, spec: DataSpec, **settings: Any) -> tuple[int, ...] | None:
        """Shape of the outputs for one input, which is checked before a run; None for outputs of any structure."""
        return (with_settings(cls.output_size, spec, settings),)

    # What a task reads from a batch, and what it computes.

    def inputs(self, batch: Any) -> Any:
        """Inputs of the network: a tensor (B, ...); a tuple or a mapping of tensors for one with several arguments."""
        if isinstance(batch, list | tuple) and len(batch) > 1:
            return batch[0]
        if self.needs_inputs and isinstance(batch, Tensor):
            return batch
        raise no_pair(self, batch, "inputs")

    def targets(self, batch: Any) -> Any:
        """Targets (B, ...) of a batch, which the outputs of the network should match."""
        if isinstance(batch, list | tuple) and len(batch) > 1:
            return batch[1]
        raise no_pair(self, batch, "targets")

    def outputs(self, inputs: Any) -> Any:
        """Outputs (B, ...) of the network for `inputs(batch)`."""
        if isinstance(inputs, Tensor):
            return self.network(inputs)
        return self.network(**inputs) if isinstance(inputs, Mapping) else self.network(*inputs)

    def loss(self, outputs: Any, targets: Any) -> Tensor:
        """Loss to minimise: the mean over the items of a batch.

        It must divide by the number of items, not by a sum of weights that depends on the items of a batch. Then the
        loss of an epoch, and the gradient of a step, do not depend on batch size, accumulation or processes.
        """
        raise UserError(f"task {type(self).__name__}: has no loss; define loss(self, outputs, targets)")

    def metrics(self, split: str) -> Mapping[str, Metric | MetricCollection]:
        """Metrics of a split (train, val or test) by name, of the results of `metric_inputs`."""
        return {}

    def metric_inputs(self, outputs: Any, targets: Any) -> tuple[Any, ...]:
        """Arguments of the metrics, from outputs and targets of the loss."""
        return outputs, targets

    def predictions(self, outputs: Any, inputs: Any, top_k: int = 1) -> Predictions:
        """Predictions of a batch for a table: columns by name, each of B numbers or words.

        Args:
            outputs: (B, ...) of the network.
            inputs: (B, ...) of the network.
            top_k: number of classes to list, if the outputs are classes.
        """
        return {f"output_{place}": column for place, column in enumerate(outputs.flatten(1).unbind(1))}

    def truth(self, targets: Any) -> Predictions:
        """Targets of a batch for the same table: `target`, or `target_<name>` of several."""
        if isinstance(targets, list | tuple) and targets:  # such as values with their weights
            targets = targets[0]
        return target_columns(targets, self.spec) if isinstance(targets, Tensor) else {}

    def item_errors(self, outputs: Any, targets: Any) -> Tensor | None:
        """Error (B,) of each item, by which the worst predictions are found; None if there is no such measure."""
        return None

    def plots(self, evaluated: Evaluated) -> Iterator[Plot]:
        """Figures of the outputs for a split, on the device of the task, which are drawn after a test and by eval.py.

        By default the coefficients of a network that has any: `coefficients`, weights (outputs, inputs).
        """
        yield from coefficient_plots(self.network, self.spec)

    def validated(self, outputs: Any, targets: Any) -> None:
        """Called after each validation with all its outputs (N, ...) and targets (N, ...), before metrics are computed.

        Override it to fit something on the validation split, such as a decision threshold, which `metric_inputs` may
        use. Kept in a buffer, it is in the checkpoints. With several processes each has the items of all.
        """

    def example_inputs(self) -> Any:
        """Two inputs of zeros, as `inputs` returns them; None if the spec does not tell their shape."""
        if not self.spec.input_shape:
            return None
        return torch.zeros(2, *self.spec.input_shape, dtype=getattr(torch, self.spec.input_dtype))

    @property
    def example_input_array(self) -> Any:
        """Two inputs, for the summary's sizes; in the precision of the network, which a Trainer may change."""
        known = next((p.dtype for p in self.network.parameters() if p.is_floating_point()), torch.float32)
        return map_tensors(lambda part: part.to(known) if part.is_floating_point() else part, self.example_inputs())

    @example_input_array.setter
    def example_input_array(self, example: Any) -> None:
        self._example_input_array = example

    # What is built on these.

    @cached_property
    def train_epoch(self) -> EpochMetrics:
        """Loss and metrics of the current training epoch; `val_epoch` and `test_epoch` those of an evaluation."""
        return self._epoch_metrics("train")

    @cached_property
    def val_epoch(self) -> EpochMetrics:
        return self._epoch_metrics("val")

    @cached_property
    def test_epoch(self) -> EpochMetrics:
        return self._epoch_metrics("test")

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics that are logged at the end of an epoch."""
        of_splits = {"train": self.train_epoch, "val": self.val_epoch, "test": self.test_epoch}
        return [f"{split}/{name}" for split, epoch in of_splits.items() for name in ("loss", *epoch.names)]

    def describe(self) -> str:
        """Name and size of the network."""
        trained = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        frozen = sum(p.numel() for p in self.network.parameters() if not p.requires_grad)
        return f"{type(self.network).__name__}, {trained:,} parameters" + (f" and {frozen:,} frozen" if frozen else "")

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Outputs of the network."""
        return self.network(*inputs, **named)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self._is_evaluated_again:  # by an optimizer such as LBFGS: metrics count each item once
            return self.loss(*self.outputs_and_targets(batch))
        loss, _, _ = self._step(batch, self.train_epoch)
        if (self.global_step + 1) % self.log_every == 0:  # log() is expensive: not in every step
            self.log_step_loss(loss, batch)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        _, outputs, targets = self._step(batch, self.val_epoch)
        if self._is_fitted_on_validation:
            self._validated.add(outputs, targets, self.items_in(batch))

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        """Outputs and targets of the batch, for figures."""
        _, outputs, targets = self._step(batch, self.test_epoch)
        return {"outputs": outputs, "targets": targets}

    def outputs_and_targets(self, batch: Any) -> tuple[Any, Any]:
        """Outputs of the network for a batch, and its targets."""
        return self.outputs(self.inputs(batch)), self.targets(batch)

    def on_train_epoch_start(self) -> None:
        self.train_epoch.reset()

    def on_validation_epoch_start(self) -> None:
        self.val_epoch.reset()
        self._validated = ValidationOutputs()

    def on_test_epoch_start(self) -> None:
        self.test_epoch.reset()

    def on_train_epoch_end(self) -> None:
        self._report("train", self.train_epoch)
        super().on_train_epoch_end()

    def on_validation_epoch_end(self) -> None:
        if self._is_fitted_on_validation and (seen := self._validated.pop(self.trainer)):
            self.validated(*seen)
        self._report("val", self.val_epoch)

    def on_test_epoch_end(self) -> None:
        self._report("test", self.test_epoch)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint |= {"model": self.model, "task": self.settings, "spec": asdict(self.spec)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        now, then = asdict(self.spec), checkpoint["spec"]
        if other := [name for name in now if name in then and now[name] != then[name]]:
            raise UserError(
                f"data: {other[0]} is not what it was when the run began, so the files have changed; put the data back "
                "as they were, or start a new run"
            )

    def _step(self, batch: Any, epoch: EpochMetrics) -> tuple[Tensor, Any, Any]:
        inputs = outputs = targets = UNKNOWN
        try:
            inputs = self.inputs(batch)
            outputs = self.outputs(inputs)
            targets = self.targets(batch)
            loss = self.loss(outputs, targets)
            epoch.add(loss, outputs, targets, self.items_in(batch))
        except UserError:
            raise
        except Exception as error:
            raise failed_step(self, error, batch, inputs, outputs, targets) from error
        return loss, outputs, targets

    def _epoch_metrics(self, split: str) -> EpochMetrics:
        try:  # an AttributeError would be taken for a missing attribute of this class
            named = self.named_metrics(self._more_metrics if split != "train" else (), metrics := self.metrics(split))
            collection = MetricCollection(
                dict(metrics), compute_groups=False
            )  # groups merge metrics that agree by chance
        except (AttributeError, TypeError, ValueError) as error:
            raise UserCodeError(
                f"task {type(self).__name__}: metrics({split!r}) fails ({short(error)}); it must return metrics of "
                "torchmetrics by name"
            ) from error
        late = split == "val" and self._is_fitted_on_validation  # what is fitted is known after all steps
        return EpochMetrics(collection, None if late else 50, self.metric_inputs, named)

    def _report(self, split: str, epoch: EpochMetrics) -> None:
        """Log the epoch's loss and metrics, each as `split/name`; nothing of a step that a subclass replaces."""
        if not epoch.is_empty:
            self.log_dict({f"{split}/{name}": value for name, value in epoch.compute().items()})

    @cached_property
    def _is_fitted_on_validation(self) -> bool:
        return type(self).validated is not Task.validated
