"""Inputs and activations of layers, the gradients by both, and their weights, as histograms in TensorBoard."""

import logging
import re
from collections import Counter
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from leyden.system.errors import UserError
from leyden.system.lightning_internals import is_compiled

log = logging.getLogger(__name__)


class Hooks(L.Callback):
    """Records, every so many training steps, inputs and activations of layers and the gradients of the loss by them.

    The hooks exist during recorded steps only, so that the others cost nothing; in these a compiled network is not
    compiled, as it would ignore them. Gradients are recorded by hooks on the tensors: `register_full_backward_hook`, of
    modules, fails with operations that work in place, such as the ReLUs of torchvision's networks. Under 16-mixed
    precision gradients are scaled by the loss scale. Of a step that accumulates the gradients of several batches the
    first batch is recorded, with the loss divided by their number. Of an optimizer that evaluates the loss several
    times in a step, such as LBFGS, the first evaluation is recorded.

    Args:
        layers: patterns (`re.search`) for the names of layers in the network, as the summary shows them. Only layers
            without layers inside are recorded.
        activations: record the outputs of the layers.
        gradients: record the gradients of the loss with respect to these outputs.
        every_n_steps: training steps between two records.
        weights: record the weights of the layers, too.
        inputs: record the inputs of the layers, as a pre-hook of the forward pass gets them.
        input_gradients: record the gradients of the loss with respect to these inputs, through the layer alone, as
            `register_full_backward_hook` of the layer would get them.
    """

    NEEDS_LOGGER = "TensorBoardLogger"  # checked with the config

    def __init__(
        self,
        layers: list[str],
        activations: bool = True,
        gradients: bool = True,
        every_n_steps: int = 100,
        weights: bool = False,
        inputs: bool = False,
        input_gradients: bool = False,
    ) -> None:
        if every_n_steps < 1:
            raise UserError(f"callbacks.hooks.every_n_steps={every_n_steps}: must be at least 1")
        self.layers, self.activations, self.gradients, self.weights = layers, activations, gradients, weights
        self.inputs, self.input_gradients = inputs, input_gradients
        self.every_n_steps = every_n_steps
        self.handles: list[RemovableHandle] = []
        self.calls: Counter[str] = Counter()  # of each layer, in the step that is recorded
        self.recorded = self.stopped_compiler = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        if _writer(trainer) is None and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # which has no loggers
            raise UserError("callbacks.hooks: writes to TensorBoard only; add logger=tensorboard")
        names = [name for name, _ in _leaves(pl_module)]
        for pattern in self.layers:
            if not any(re.search(pattern, name) for name in names):
                raise UserError(
                    f"callbacks.hooks.layers: no layer has a name like {pattern}; there are {', '.join(names[:8])}, …"
                )

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        writer, step = _writer(trainer), trainer.global_step
        if (
            step % self.every_n_steps
            or batch_idx % trainer.accumulate_grad_batches
            or writer is None
            or not trainer.is_global_zero
        ):
            return
        self.calls.clear()
        if is_compiled(pl_module.network):  # type: ignore[arg-type]
            torch.compiler.set_stance("force_eager")
            self.stopped_compiler = True
        for name, layer in _leaves(pl_module):
            if any(re.search(pattern, name) for pattern in self.layers):
                if self.inputs or self.input_gradients:
                    before = self._input_recorder(writer.experiment, name, step)
                    self.handles.append(layer.register_forward_pre_hook(before))
                self.handles.append(layer.register_forward_hook(self._recorder(writer.experiment, name, step)))
                for key, values in layer.named_parameters() if self.weights else ():
                    _write(writer.experiment, f"weights/{name}.{key}", values, step)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if pl_module.automatic_optimization:  # otherwise there may be another backward pass in this step
            self.remove()

    def on_train_batch_end(self, *_: Any) -> None:
        self.remove()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not self.recorded and _writer(trainer):
            log.warning("callbacks.hooks: none of the layers ran; with a frozen backbone, add cache_features=false")

    def on_exception(self, *_: Any) -> None:
        self.remove()

    def remove(self) -> None:
        """Take all hooks out of the network."""
        while self.handles:
            self.handles.pop().remove()
        if self.stopped_compiler:
            torch.compiler.set_stance("default")
            self.stopped_compiler = False

    def _input_recorder(self, experiment: Any, name: str, step: int) -> Any:
        def record(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if not torch.is_grad_enabled():
                return None
            call, seen = self.calls[name] + 1, []
            for number, value in enumerate(inputs, 1):
                tag = name + (f", call {call}" if call > 1 else "") + (f", input {number}" if number > 1 else "")
                is_tensor = isinstance(value, Tensor)
                if self.inputs and is_tensor:
                    _write(experiment, f"inputs/{tag}", value, step)
                if self.input_gradients and is_tensor and value.requires_grad:
                    if not getattr(layer, "inplace", False):  # then nothing else reads these values later
                        value = value.view_as(value)  # of its own gradient: other layers may get the same tensor
                    value.register_hook(partial(_write_gradient, experiment, f"input_gradients/{tag}", step))
                seen.append(value)
            return tuple(seen)

        return record

    def _recorder(self, experiment: Any, name: str, step: int) -> Any:
        def record(layer: nn.Module, inputs: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or not torch.is_grad_enabled():
                return
            self.recorded = True
            self.calls[name] += 1
            tag = name if self.calls[name] == 1 else f"{name}, call {self.calls[name]}"
            if self.activations:
                _write(experiment, f"activations/{tag}", output, step)
            if self.gradients and output.requires_grad:
                output.register_hook(partial(_write_gradient, experiment, f"gradients/{tag}", step))  # type: ignore[no-untyped-call]

        return record


def _write(experiment: Any, tag: str, values: Tensor, step: int) -> None:
    values = values.detach().float()
    values = values[values.isfinite()]
    if len(values):
        experiment.add_histogram(tag, values, step)


def _write_gradient(experiment: Any, tag: str, step: int, gradient: Tensor) -> None:
    _write(experiment, tag, gradient, step)


def _leaves(pl_module: L.LightningModule) -> list[tuple[str, nn.Module]]:
    """Layers of the network that have none inside, with their names."""
    network = pl_module.network
    assert isinstance(network, nn.Module)
    return [(name, layer) for name, layer in network.named_modules() if name and not list(layer.children())]


def _writer(trainer: L.Trainer) -> TensorBoardLogger | None:
    return next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)
