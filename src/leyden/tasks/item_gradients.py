"""Training steps whose gradient is the mean over the items of all batches and processes in it."""

from typing import Any

import lightning as L
from torch import Tensor

from leyden.system.lightning_internals import QuickHookName, current_hook, is_accumulating, training_batch
from leyden.tasks.accumulation import BatchSizes, GradientWeights, StepLoss, mean_over_processes


class ItemGradients(QuickHookName, L.LightningModule):
    """LightningModule that weights the gradient of each batch by its number of items, and logs the loss of a step."""

    def __init__(self) -> None:
        super().__init__()
        self._gradient_weights, self._batch_sizes = GradientWeights(), BatchSizes()
        self._step_loss = StepLoss()

    def items_in(self, batch: Any) -> int:
        """Number of items in a batch: its weight in the loss of an epoch, and in an accumulated gradient.

        The first dimension of the first tensor; override it for batches of another structure.
        """
        return self._batch_sizes(batch)

    def on_train_start(self) -> None:
        self.log_every = max(1, self.trainer.log_every_n_steps)  # type: ignore[attr-defined]  # Lightning types it late
        self._gradient_weights = GradientWeights()
        self._step_loss = StepLoss()

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

    def log_step_loss(self, loss: Tensor, batch: Any) -> None:
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
        """True if this batch had a backward pass already: an optimizer such as LBFGS evaluates it several times."""
        return self._gradient_weights.last == (self.trainer.current_epoch, self.trainer.fit_loop.batch_idx)

    def _correct_gradients(self) -> None:
        self._gradient_weights.correct(parameter.grad for parameter in self.parameters())
