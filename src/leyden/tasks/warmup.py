"""Linear warm-up of the learning rate, before or under any schedule."""

from typing import Any

from torch.optim import Optimizer

from leyden.system.lightning_internals import closed_form_rates


class WarmUp:
    """Scheduler whose rate is that of another, times a factor that rises linearly in the first optimizer steps.

    The factors are 1 / (n + 1), …, n / (n + 1), then 1. Steps are counted by a hook of the optimizer, so that the unit
    of the other schedule may be epochs, or an epoch with a new metric. A schedule that is counted in steps begins after
    the warm-up; one that is counted in epochs counts those of the warm-up too, so that its milestones stay where they
    are.

    Args:
        schedule: any scheduler of torch, just made.
        steps: n, length of the warm-up.
        every: optimizer steps between two updates of a schedule that is counted in steps; None of one that is not.

    Attributes:
        optimizer: of the schedule.
        count: optimizer steps so far.
    """

    def __init__(self, schedule: Any, steps: int, every: int | None = None) -> None:
        self.schedule, self.steps, self.every = schedule, steps, every
        self.optimizer: Optimizer = schedule.optimizer
        self.count = 0
        self._rates: list[Any] = []
        self._keep_rates()
        self.optimizer.register_step_post_hook(self._on_step)

    def step(self, *metric: Any) -> None:
        """Update the schedule, as its own `step` does."""
        if self.every is not None and self.count <= self.steps:
            return
        if self.count < self.steps:
            self._set(self._rates)  # some schedules compute the next rate from the present one
        self.schedule.step(*metric)
        self._keep_rates()

    def get_last_lr(self) -> list[Any]:
        """Learning rates of the parameter groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "rates": self._rates, "schedule": self.schedule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if "schedule" not in state:  # of an older version, in which warmup_cosine counted the warm-up itself
            moves = state["last_epoch"]
            self.count = moves * (self.every or 0)
            self.schedule.load_state_dict({**state, "last_epoch": max(0, moves - self.steps // (self.every or 1))})
            self._rates = closed_form_rates(self.schedule) or self._rates
            return
        self.count, self._rates = state["count"], list(state["rates"])
        self.schedule.load_state_dict(state["schedule"])

    def apply_length(self) -> None:
        """Set the learning rates that the schedule has at this step, now that the run has another length."""
        if self.every is not None and hasattr(self.schedule, "last_epoch"):  # a share of the run is another number now
            self.schedule.last_epoch = max(0, self.count // self.every - self.steps // self.every)
        self._rates = closed_form_rates(self.schedule) or self._rates
        self._set(self._scaled())

    def _on_step(self, *_: Any) -> None:
        self.count += 1
        if self.count <= self.steps:
            self._set(self._scaled())

    def _keep_rates(self) -> None:
        """Take the rates of the schedule, and set those of the warm-up."""
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.count < self.steps:
            self._set(self._scaled())

    def _scaled(self) -> list[Any]:
        if self.count >= self.steps:
            return self._rates  # to the bit
        factor = (self.count + 1) / (self.steps + 1)
        return [rate * factor for rate in self._rates]

    def _set(self, rates: list[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):  # groups may have been added
            group["lr"] = rate
