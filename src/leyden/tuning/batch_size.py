"""The batch size: doubled until memory or the data are used up, with the items per second at each size."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from leyden.config.experiment import Experiment
from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.tasks.task import Task
from leyden.tuning.memory import available, free, in_use, is_out_of_memory
from leyden.tuning.timer import Timer
from leyden.tuning.trial import fit, trial_data, trial_task, undisturbed

_ENOUGH = 0.95  # of the best throughput
_SHARE = 0.9  # of the available main memory that a trial may be expected to take

Reason = Literal["memory", "data", "limit"]


@dataclass(frozen=True)
class Measured:
    """Training with one batch size.

    Attributes:
        batch_size: items in a batch.
        items_per_second: with loading and the optimizer's steps, without validation.
        peak: bytes in use at most, of the device's memory; None where this is not known.
        idle: bytes in use before the first step, likewise.
    """

    batch_size: int
    items_per_second: float
    peak: int | None
    idle: int | None


@dataclass(frozen=True)
class BatchSizes:
    """Batch sizes that fit, in growing order, and why there are no greater ones.

    Attributes:
        sizes: at least one.
        reason: memory would not have sufficed, the training split has no more items, or the limit was reached.
        detail: of the reason, in words.
    """

    sizes: tuple[Measured, ...]
    reason: Reason
    detail: str

    @property
    def largest(self) -> int:
        """The largest batch size that fitted."""
        return self.sizes[-1].batch_size

    @property
    def suggestion(self) -> int:
        """The smallest batch size with at least 95 % of the best throughput; a greater one only makes fewer steps."""
        best = max(measured.items_per_second for measured in self.sizes)
        return next(m.batch_size for m in self.sizes if m.items_per_second >= _ENOUGH * best)


def find_batch_size(
    experiment: Experiment,
    start: int = 2,
    limit: int = 8192,
    seconds: float = 1.0,
    advance: Callable[[], None] = lambda: None,
) -> BatchSizes:
    """Measure how large a training batch may be, and how fast training is with each size.

    The experiment's network is trained for some steps with its own data, optimizer, device, precision and accumulation,
    in batches that double until memory runs out, the training split is used up or the limit is reached. In main memory
    a process that takes too much is killed, so a size that is expected to need more than is available, by what the one
    before took, is not tried. Nothing is written, and the global random state stays as it is.

    Args:
        experiment: as `leyden.config.compose` returns it.
        start: the first batch size.
        limit: the largest batch size that is tried.
        seconds: for which each size is measured, after a first step that is not; at least one step.
        advance: called after each size.

    Raises:
        UserError: the first size does not fit, or the data do not follow `data.batch_size`.
    """
    check_sizes(start, limit, seconds)
    with undisturbed():
        datamodule = trial_data(experiment)
        if not hasattr(datamodule, "batch_size"):
            raise UserError(f"data={type(datamodule).__name__}: has no batch_size that could be changed")
        task = trial_task(experiment, datamodule, experiment.config["seed"])
        sizes: list[Measured] = []
        size = start
        while size <= limit:
            if sizes and (why := _exceeds(sizes[-1], task.device)):
                return BatchSizes(tuple(sizes), "memory", why)
            timer = Timer(seconds)
            if why := _fails(experiment, task, datamodule, size, timer):
                if not sizes:
                    remedy = f"try --start {size // 2}" if size > 1 else "make the network smaller"
                    raise UserError(f"--start={size}: a batch of {size} does not fit into memory; {remedy}")
                return BatchSizes(tuple(sizes), "memory", why)
            if timer.largest < size:
                if timer.batches > 1:
                    raise UserError(f"data: batches have {timer.largest} items whatever data.batch_size is")
                if not sizes:
                    fewer = max(1, timer.largest // 4)
                    raise UserError(
                        f"--start={size}: there are only {timer.largest} items to train on; try --start {fewer}"
                    )
                return BatchSizes(tuple(sizes), "data", f"there are {timer.largest:,} items to train on")
            sizes.append(Measured(size, timer.items_per_second, timer.peak, timer.idle))
            advance()
            size *= 2
        return BatchSizes(tuple(sizes), "limit", f"the limit is {limit}")


def check_sizes(start: int, limit: int, seconds: float) -> None:
    """Refuse settings of `find_batch_size` that mean nothing.

    Raises:
        UserError: for the first of them.
    """
    if not 1 <= start <= limit:
        raise UserError(f"--start={start} --limit={limit}: must be at least 1, and the limit no less")
    if not 0 < seconds < math.inf:
        raise UserError(f"--seconds={seconds:g}: must be greater than 0")


def _fails(experiment: Experiment, task: Task, datamodule: DataModule, size: int, timer: Timer) -> str | None:
    """Why training with a batch size runs out of memory; None if it does not."""
    datamodule.batch_size = size
    why = None
    try:
        fit(experiment.config, task, datamodule, -1, timer, experiment.config["seed"])
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        why = " ".join(str(error).split()) or type(error).__name__
    # Outside the handler: the error's traceback holds what filled the memory.
    task.zero_grad(set_to_none=True)
    free(task.device)
    return why


def _exceeds(last: Measured, device: torch.device) -> str | None:
    """Why twice the batch size is not tried: it is expected to need more main memory than there is."""
    left, now = available(), in_use(device)
    if device.type != "cpu" or left is None or now is None or last.peak is None or last.idle is None:
        return None
    expected = last.idle + 2 * (last.peak - last.idle) - now
    if expected <= _SHARE * left:
        return None
    return (
        f"{2 * last.batch_size} would need about {expected / 2**30:.1f} GiB, and {left / 2**30:.1f} GiB are available"
    )
