"""Search for a batch size: doubled until memory or data run out, with the throughput of each size."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from leyden.config.experiment import Experiment
from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.system.memory import available, free, in_use, is_out_of_memory
from leyden.tasks.task import Task
from leyden.tuning.short_training import fit_steps, prepare_data, prepare_task, restore_global_state
from leyden.tuning.throughput import ThroughputMeter

_ENOUGH = 0.95  # of the best throughput
_SHARE = 0.9  # of the available main memory that a training may be expected to need

Reason = Literal["memory", "data", "limit"]


@dataclass(frozen=True)
class Measured:
    """Measurement of one batch size.

    Attributes:
        batch_size: items in a batch.
        items_per_second: with loading and the optimizer's steps, without validation.
        peak: maximum of bytes in use, of the device's memory; None if unknown.
        idle: bytes in use before the first step; None if unknown.
    """

    batch_size: int
    items_per_second: float
    peak: int | None
    idle: int | None


@dataclass(frozen=True)
class BatchSizes:
    """Batch sizes that fit, in ascending order, and the reason why no larger one was tried.

    Attributes:
        sizes: at least one.
        reason: not enough memory, no more items in the training split, or the limit is reached.
        detail: the reason in words.
    """

    sizes: tuple[Measured, ...]
    reason: Reason
    detail: str

    @property
    def largest(self) -> int:
        """Largest batch size that fits."""
        return self.sizes[-1].batch_size

    @property
    def suggestion(self) -> int:
        """Smallest batch size with at least 95 % of the best throughput; a larger one only makes fewer steps."""
        best = max(measured.items_per_second for measured in self.sizes)
        return next(m.batch_size for m in self.sizes if m.items_per_second >= _ENOUGH * best)


def find_batch_size(
    experiment: Experiment,
    start: int = 2,
    limit: int = 8192,
    seconds: float = 1.0,
    advance: Callable[[], None] = lambda: None,
) -> BatchSizes:
    """Measure the throughput of growing batch sizes, up to the largest that fits.

    The experiment's network is trained for some steps with its own data, optimizer, device, precision and accumulation,
    in batches that double until memory runs out, the training split is used up or the limit is reached. The kernel
    kills a process that takes too much main memory, so a size that is expected to need more than is available,
    extrapolated from the one before, is not tried. Nothing is written, and the global random state stays as it is.

    Args:
        start: the first batch size.
        limit: the largest batch size that is tried.
        seconds: of measuring each size, after a first step that does not count; at least one step.
        advance: called after each size.

    Raises:
        UserError: the first size does not fit, or the data do not follow `data.batch_size`.
    """
    check_sizes(start, limit, seconds)
    with restore_global_state():
        datamodule = prepare_data(experiment)
        if not hasattr(datamodule, "batch_size"):
            raise UserError(f"data={type(datamodule).__name__}: has no batch_size that could be changed")
        task = prepare_task(experiment, datamodule, experiment.config["seed"])
        sizes: list[Measured] = []
        size = start
        while size <= limit:
            if sizes and (why := _exceeds(sizes[-1], task.device)):
                return BatchSizes(tuple(sizes), "memory", why)
            meter = ThroughputMeter(seconds)
            if why := _fails(experiment, task, datamodule, size, meter):
                if not sizes:
                    remedy = f"try --start {size // 2}" if size > 1 else "make the network smaller"
                    raise UserError(f"--start={size}: a batch of {size} does not fit into memory; {remedy}")
                return BatchSizes(tuple(sizes), "memory", why)
            if meter.largest < size:
                if meter.batches > 1:
                    raise UserError(f"data: batches have {meter.largest} items whatever data.batch_size is")
                if not sizes:
                    fewer = max(1, meter.largest // 4)
                    raise UserError(
                        f"--start={size}: there are only {meter.largest} items to train on; try --start {fewer}"
                    )
                return BatchSizes(tuple(sizes), "data", f"there are {meter.largest:,} items to train on")
            sizes.append(Measured(size, meter.items_per_second, meter.peak, meter.idle))
            advance()
            size *= 2
        return BatchSizes(tuple(sizes), "limit", f"the limit is {limit}")


def check_sizes(start: int, limit: int, seconds: float) -> None:
    """Check the arguments of `find_batch_size`.

    Raises:
        UserError: for the first of them.
    """
    if not 1 <= start <= limit:
        raise UserError(f"--start={start} --limit={limit}: must be at least 1, and the limit no less")
    if not 0 < seconds < math.inf:
        raise UserError(f"--seconds={seconds:g}: must be greater than 0")


def _fails(experiment: Experiment, task: Task, datamodule: DataModule, size: int, meter: ThroughputMeter) -> str | None:
    """Error of a training that runs out of memory; None if it does not."""
    datamodule.batch_size = size
    why = None
    try:
        fit_steps(experiment.config, task, datamodule, -1, meter, experiment.config["seed"])
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        why = " ".join(str(error).split()) or type(error).__name__
    # Outside the handler: the error's traceback references the tensors that filled the memory.
    task.zero_grad(set_to_none=True)
    free(task.device)
    return why


def _exceeds(last: Measured, device: torch.device) -> str | None:
    """Reason not to try twice the batch size: it is expected to need more main memory than is available."""
    left, now = available(), in_use(device)
    if device.type != "cpu" or left is None or now is None or last.peak is None or last.idle is None:
        return None
    expected = last.idle + 2 * (last.peak - last.idle) - now
    if expected <= _SHARE * left:
        return None
    return (
        f"{2 * last.batch_size} would need about {expected / 2**30:.1f} GiB, and {left / 2**30:.1f} GiB are available"
    )
