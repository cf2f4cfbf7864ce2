"""Learning rate range test: the loss while the rate grows exponentially from step to step."""

import functools
import math
import shlex
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import LBFGS, Adadelta, Optimizer, Rprop

from leyden.config.experiment import Experiment
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for
from leyden.tasks.task import Task
from leyden.tuning.range_test import RangeTest, exponential
from leyden.tuning.short_training import fit_steps, prepare_data, prepare_task, restore_global_state

# Optimizers for which a range test means nothing, and why.
_WITHOUT_RANGE: dict[type[Optimizer], str] = {
    LBFGS: "its line search chooses the length of each step",
    Rprop: "it adapts a step of its own for each parameter, to which the rate is only the initial value",
    Adadelta: "it adapts its steps to those before, and is meant to be used with a rate of 1",
}


def find_lr(
    experiment: Experiment,
    min_lr: float = 1e-7,
    max_lr: float = 10.0,
    steps: int = 100,
    trials: int = 3,
    advance: Callable[[], None] = lambda: None,
) -> RangeTest:
    """Run a learning rate range test of an experiment.

    The experiment's network is trained for some steps with its own data, optimizer, loss, device, precision, gradient
    clipping and accumulation, without its schedule and callbacks, while the rate grows. This is done several times,
    each with another seed, of initial weights, order and dropout. Nothing is written, and the global random state stays
    as it is.

    Args:
        min_lr: the rate of the first step. Groups of parameters keep their multiples of it (`optimizer.lr_scale`).
        max_lr: the rate of the last step.
        steps: optimizer steps of each training, over as many epochs as they need.
        advance: called after each step.

    Raises:
        UserError: the optimizer has no rate to test, there are no batches, or the loss is NaN.

    Example:
        >>> test = find_lr(compose(["experiment=mnist_mlp"]))
        >>> test.suggestion
        0.016
    """
    check_range(min_lr, max_lr, steps, trials)
    with restore_global_state():
        datamodule = prepare_data(experiment)
        rates = exponential(min_lr, max_lr, steps)
        losses = []
        for trial in range(trials):
            # The first one starts as the run will.
            seed = experiment.config["seed"] if trial == 0 else seed_for(experiment.config["seed"], "lr", trial) % 2**32
            task = prepare_task(experiment, datamodule, seed)
            if not task.automatic_optimization:
                name = type(task).__name__
                raise UserError(f"task={name}: steps its optimizers itself; a range test needs Lightning to do it")
            rising = _RisingRate(rates, task, advance)
            fit_steps(experiment.config, task, datamodule, steps, rising, seed)
            losses.append(tuple(rising.losses))
    _check_losses(losses, min_lr, experiment)
    return RangeTest(rates, tuple(losses))


def check_range(min_lr: float, max_lr: float, steps: int, trials: int) -> None:
    """Check the arguments of `find_lr`.

    Raises:
        UserError: for the first of them.
    """
    if not 0 < min_lr < max_lr < math.inf:
        raise UserError(
            f"--min-lr={min_lr:g} --max-lr={max_lr:g}: must be greater than 0, the second greater than the first"
        )
    if steps < 10:
        raise UserError(f"--steps={steps}: must be at least 10, to make a curve")
    if trials < 1:
        raise UserError(f"--trials={trials}: must be at least 1")


def _check_losses(losses: list[tuple[float, ...]], min_lr: float, experiment: Experiment) -> None:
    if not all(math.isfinite(of_trial[0]) for of_trial in losses):
        command = shlex.join(["python", "train.py", *experiment.overrides, "debug=detect_anomaly"])
        raise UserError(
            f"the loss is {losses[0][0]} at the first step, with a rate of {min_lr:g}; find the operation: {command}"
        )


class _RisingRate(L.Callback):
    """Raises the learning rate from step to step, and stops when the loss diverges.

    Attributes:
        losses: of each optimizer step, the mean over the batches that it accumulates.
    """

    def __init__(self, rates: tuple[float, ...], task: Task, advance: Callable[[], None]) -> None:
        self.rates, self.advance = rates, advance
        self.losses: list[float] = []
        self._of_step: list[Tensor] = []
        self._steps = 0
        self._record(task)

    def _record(self, task: Task) -> None:
        """Record each loss that a training step returns: Lightning reports it divided by the accumulated batches."""
        step = task.training_step

        @functools.wraps(step)
        def recorded(*arguments: Any, **settings: Any) -> Any:
            output = step(*arguments, **settings)
            loss = output.get("loss") if isinstance(output, dict) else output
            if isinstance(loss, Tensor):
                self._of_step.append(loss.detach())
            return output

        task.training_step = recorded  # type: ignore[method-assign]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if len(trainer.optimizers) != 1:
            raise UserError(
                f"task={type(pl_module).__name__}: has {len(trainer.optimizers)} optimizers; a range test is of one"
            )
        self.optimizer = trainer.optimizers[0]
        for kind, why in _WITHOUT_RANGE.items():
            if isinstance(self.optimizer, kind):
                name = type(self.optimizer).__name__
                raise UserError(f"optimizer={name}: {why}; choose another, such as optimizer=adamw")
        if "lr" not in self.optimizer.defaults:
            raise UserError(f"optimizer={type(self.optimizer).__name__}: has no learning rate")
        trainer.strategy.lr_scheduler_configs = []  # a task may configure its own schedule
        base = float(self.optimizer.defaults["lr"])
        self.scales = [float(group.get("initial_lr", group["lr"])) / base for group in self.optimizer.param_groups]
        self._set_rate(0)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self._steps:  # gradients are still being accumulated
            return
        self._steps = trainer.global_step
        loss = torch.stack(self._of_step).mean().item() if self._of_step else math.nan
        self._of_step.clear()
        self.losses.append(loss)
        self.advance()
        if self._has_diverged():
            trainer.should_stop = True
        elif self._steps < len(self.rates):
            self._set_rate(self._steps)

    def _set_rate(self, step: int) -> None:
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.rates[step] * scale)
            else:
                group["lr"] = self.rates[step] * scale

    def _has_diverged(self) -> bool:
        """True if the loss is NaN, or has risen far above its start.

        Far means three times the fall before, and more than the variation from batch to batch. Unlike a multiple of the
        lowest loss this does not depend on the unit and sign of the loss.
        """
        if not math.isfinite(self.losses[-1]):
            return True
        begin = max(3, len(self.rates) // 10)
        if len(self.losses) < 2 * begin:
            return False
        first = torch.tensor(self.losses[:begin], dtype=torch.float64)
        recent = torch.tensor(self.losses, dtype=torch.float64).unfold(0, 3, 1).median(dim=1).values
        fall = float(first.mean() - recent.min())
        return float(recent[-1] - first.mean()) > max(3 * fall, 10 * float(first.std()))
