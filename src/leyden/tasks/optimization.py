"""Optimizers and schedulers of a task: one for the whole network, or one for each of several parts of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from leyden.system.errors import UserError
from leyden.system.lightning_internals import unscale_before_clipping
from leyden.system.suggestions import did_you_mean
from leyden.tasks.duration import duration
from leyden.tasks.item_gradients import ItemGradients
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory, is_outdated, is_plateau

Optimizers = OptimizerFactory | Mapping[str, OptimizerFactory] | None
Schedulers = SchedulerFactory | Mapping[str, SchedulerFactory] | None


class Optimization(ItemGradients):
    """LightningModule with the optimizers and schedulers of a config.

    With one optimizer Lightning makes the steps. Several optimizers are named after the parts of the network that they
    train: `optimizer.generator` trains `network.generator`. Then `training_step` makes the steps itself, by `optimize`.

    Args:
        network: to be trained.
        optimizer: makes the optimizer of the network, or by name those of its parts; None without training.
        scheduler: makes the scheduler of the optimizer, or by name those of several; None for constant learning rates.
    """

    def __init__(self, network: nn.Module, optimizer: Optimizers, scheduler: Schedulers) -> None:
        super().__init__()
        self.network = network
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self._scheduled = dict[str, int]()
        if isinstance(optimizer, Mapping):
            self.automatic_optimization = False

    def check_optimizers(self) -> None:
        """Make the optimizers once, with all checks of their settings.

        Raises:
            UserError: an optimizer or a scheduler has a name that no part of the network, or no optimizer, has.
        """
        for _ in self._optimizers():
            pass

    def check_schedulers(self, steps: float, epochs: float) -> None:
        """Make the schedulers once, for a run of some length.

        Raises:
            UserError, ValueError, TypeError: one refuses its settings.
        """
        for name, optimizer in self._optimizers():
            if factory := self.schedules.get(name):
                factory(optimizer, steps, epochs)

    def optimize(self, name: str, loss: Tensor, clip_norm: float | None = None) -> None:
        """One step of one of several optimizers: backward pass, step, and once for each batch that of its scheduler.

        Args:
            name: of the optimizer in the config.
            loss: mean over the items of the batch.
            clip_norm: largest norm of the gradient; None for any.
        """
        if name not in self._names:
            own = type(self).__name__
            there = f"there are {', '.join(self._names)}" if self._names != [""] else "there is one, without a name"
            raise UserError(f"task {own}: optimizes {name}, which no optimizer is named; {there}; add optimizer.{name}")
        place = self._names.index(name)
        optimizer = self._listed(self.optimizers())[place]
        optimizer.zero_grad()
        self.manual_backward(loss)
        if clip_norm is not None:
            self.clip_gradients(optimizer, gradient_clip_val=clip_norm, gradient_clip_algorithm="norm")
        optimizer.step()
        factory, done = self.schedules.get(name), self.trainer.fit_loop.epoch_loop.total_batch_idx + 1
        if factory and factory.interval == "step" and self._scheduled.get(name) != done:
            self._scheduled[name] = done  # a schedule counts batches, however many steps are made with each
            if done % factory.frequency == 0:
                self._scheduler_of(name).step()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        if self.make_optimizer is None:
            raise RuntimeError("this task was made without an optimizer")
        length, settings = duration(self.trainer), list[dict[str, Any]]()
        for name, optimizer in self._optimizers():
            if self.trainer.gradient_clip_val:
                unscale_before_clipping(optimizer)
            settings.append({"optimizer": optimizer})
            if factory := self.schedules.get(name):
                scheduler = factory(optimizer, length.steps, length.epochs)
                # With several optimizers the steps of schedulers are made here, and Lightning warns of other keys.
                is_single = self.automatic_optimization
                settings[-1]["lr_scheduler"] = scheduler if is_single else scheduler["scheduler"]
        return settings[0] if len(settings) == 1 else settings  # type: ignore[return-value]

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        make = self.make_scheduler
        if make and not isinstance(make, Mapping):
            if make.interval == "step" and self.global_step % make.frequency:
                return
            if is_plateau(scheduler) and is_outdated(self.trainer, make.monitor):
                return
        super().lr_scheduler_step(scheduler, metric)

    def on_train_epoch_end(self) -> None:
        """Step the schedulers of several optimizers that count epochs, as Lightning steps a single one."""
        if self.automatic_optimization:
            return
        for name, factory in self.schedules.items():
            if factory.interval == "step" or (self.trainer.current_epoch + 1) % factory.frequency:
                continue
            scheduler = self._scheduler_of(name)
            if not is_plateau(scheduler):
                scheduler.step()
            elif not is_outdated(self.trainer, factory.monitor):
                scheduler.step(self.trainer.callback_metrics[str(factory.monitor)])

    @property
    def trained_parts(self) -> dict[str, tuple[OptimizerFactory, nn.Module]]:
        """Factory of each optimizer by name, with the part of the network that it trains; one without a name for all.

        Raises:
            UserError: an optimizer or a scheduler has a name that no part of the network, or no optimizer, has.
        """
        make = self.make_optimizer
        if not isinstance(make, Mapping):
            return {"": (make, self.network)} if make else {}
        parts, found = dict(self.network.named_children()), dict[str, tuple[OptimizerFactory, nn.Module]]()
        for name, factory in make.items():
            if name not in parts:
                kind = type(self.network).__name__
                raise UserError(f"optimizer.{name}: model {kind} has no part {name}" + did_you_mean(name, parts))
            found[name] = factory, parts[name]
        if unknown := [name for name in self.schedules if name not in found]:
            near = did_you_mean(unknown[0], found)
            raise UserError(f"scheduler.{unknown[0]}: no optimizer has this name{near}")
        return found

    def _optimizers(self) -> Iterator[tuple[str, Any]]:
        for name, (factory, part) in self.trained_parts.items():
            yield name, factory(part)

    @property
    def _names(self) -> list[str]:
        return list(self.make_optimizer) if isinstance(self.make_optimizer, Mapping) else [""]

    @property
    def schedules(self) -> Mapping[str, SchedulerFactory]:
        """Factory of each scheduler, by the name of its optimizer."""
        make = self.make_scheduler
        return make if isinstance(make, Mapping) else {"": make} if make else {}

    def _scheduler_of(self, name: str) -> Any:
        scheduled = [other for other in self._names if other in self.schedules]
        return self._listed(self.lr_schedulers())[scheduled.index(name)]

    @staticmethod
    def _listed(found: Any) -> list[Any]:
        return list(found) if isinstance(found, list | tuple) else [found]
