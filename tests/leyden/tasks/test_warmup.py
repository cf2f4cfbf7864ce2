"""A warm-up before each of torch's schedules, resumed to the same bits."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer, lr_scheduler

from leyden.system.errors import UserError
from leyden.tasks.optimizers import OptimizerFactory
from leyden.tasks.schedulers import SchedulerFactory, apply_length
from leyden.tasks.warmup import WarmUp
from myproject.schedulers import exponential_decay
from tests.leyden.helpers.resumed import Run, assert_resumes

FULL = 0.5


def joined(optimizer: Optimizer) -> lr_scheduler.LRScheduler:
    """A function of a project may join schedulers."""
    parts = [lr_scheduler.ConstantLR(optimizer, 0.5, 2), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    return lr_scheduler.SequentialLR(optimizer, parts, [2])  # type: ignore[arg-type]


def chained(optimizer: Optimizer) -> lr_scheduler.ChainedScheduler:
    return lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(optimizer, 0.5, 2), lr_scheduler.ExponentialLR(optimizer, 0.9)], optimizer
    )


# Settings of each class of torch.optim.lr_scheduler, for a factory.
SCHEDULES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "StepLR": (partial(lr_scheduler.StepLR, step_size=2), {}),
    "MultiStepLR": (partial(lr_scheduler.MultiStepLR, milestones=[1, 4]), {}),
    "ConstantLR": (partial(lr_scheduler.ConstantLR, factor=0.5, total_iters=3), {}),
    "LinearLR": (partial(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0), {"length_as": "total_iters"}),
    "ExponentialLR": (partial(lr_scheduler.ExponentialLR, gamma=0.9), {}),
    "PolynomialLR": (partial(lr_scheduler.PolynomialLR, power=2.0), {"length_as": "total_iters"}),
    "CosineAnnealingLR": (lr_scheduler.CosineAnnealingLR, {"length_as": "T_max"}),
    "CosineAnnealingWarmRestarts": (partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=3), {}),
    "CyclicLR": (partial(lr_scheduler.CyclicLR, base_lr=0.1, max_lr=FULL, step_size_up=3), {}),
    "OneCycleLR": (partial(lr_scheduler.OneCycleLR, max_lr=FULL), {"length_as": "total_steps"}),
    "ReduceLROnPlateau": (partial(lr_scheduler.ReduceLROnPlateau, patience=0), {"monitor": "train/loss"}),
    "LambdaLR": (lr_scheduler.LambdaLR, {"function": "inverse"}),
    "MultiplicativeLR": (lr_scheduler.MultiplicativeLR, {"function": "exponential_decay", "arguments": {"gamma": 0.8}}),
    "SequentialLR": (joined, {}),
    "ChainedScheduler": (chained, {}),
}


def test_every_class_of_torch_is_tried() -> None:
    assert set(SCHEDULES) == set(lr_scheduler.__all__) - {"LRScheduler"}


@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("interval", ["step", "epoch"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_resumes_to_the_same_bits(name: str, interval: Any, warmup: int, tmp_path: Path) -> None:
    make, settings = SCHEDULES[name]
    if name == "ReduceLROnPlateau" and interval == "step":
        interval = "epoch"
    factory = SchedulerFactory(make, interval, warmup=warmup, **settings)
    run = Run(tmp_path, OptimizerFactory(partial(SGD, lr=FULL, momentum=0.9)), factory)
    assert len(run.rates) == 12
    for after in (3, 6):
        assert_resumes(run, after)
    plain = SchedulerFactory(make, interval, **settings)
    expected = Run(tmp_path, OptimizerFactory(partial(SGD, lr=FULL, momentum=0.9)), plain).rates if warmup else []
    for step, rate in enumerate(expected):
        if interval == "epoch":  # the schedule under the warm-up
            if name == "ReduceLROnPlateau":
                expected = [FULL] * 4  # its metric depends on the rates before
                break
            assert run.rates[step] == pytest.approx(rate * min(1.0, (step + 1) / 6), rel=1e-9)
        elif step < 5:  # the schedule begins after it
            assert run.rates[step] == pytest.approx(expected[0] * (step + 1) / 6)
        elif "length_as" not in settings:
            assert run.rates[step] == pytest.approx(expected[step - 5], rel=1e-9)


def rates(factory: SchedulerFactory, steps: int, per_epoch: int = 10) -> list[float]:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=FULL)
    plan = factory(optimizer, steps, steps / per_epoch)
    seen = []
    for step in range(1, steps + 1):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step % (factory.frequency if factory.interval == "step" else per_epoch) == 0:
            plan["scheduler"].step()
    return seen


def test_the_rate_rises_linearly_to_the_full_one() -> None:
    seen = rates(SchedulerFactory(partial(lr_scheduler.ConstantLR, factor=1.0), "step", warmup=0.2), 100)
    assert [b - a for a, b in pairwise(seen[:21])] == pytest.approx([FULL / 21] * 20)
    assert seen[0] == pytest.approx(FULL / 21)
    assert seen[20:] == [FULL] * 80  # to the bit


def test_milestones_of_epochs_stay_where_they_are() -> None:
    seen = rates(SchedulerFactory(partial(lr_scheduler.MultiStepLR, milestones=[1, 3]), warmup=25), 50)
    assert seen[9] == pytest.approx(FULL * 10 / 26)
    assert seen[10] == pytest.approx(FULL * 0.1 * 11 / 26)
    assert seen[25:30] == pytest.approx([FULL * 0.1] * 5)
    assert seen[30:] == pytest.approx([FULL * 0.01] * 20)


def test_a_schedule_of_steps_has_the_rest_of_the_run() -> None:
    seen = rates(SchedulerFactory(lr_scheduler.CosineAnnealingLR, "step", length_as="T_max", warmup=0.2), 100)
    assert seen[20] == FULL
    assert seen[60] == pytest.approx(FULL / 2)
    assert seen[99] == pytest.approx(FULL * (1 + math.cos(math.pi * 79 / 80)) / 2)


def test_updates_every_few_steps() -> None:
    every = SchedulerFactory(partial(lr_scheduler.ExponentialLR, gamma=0.5), "step", frequency=4, warmup=6)
    assert rates(every, 20)[6:] == pytest.approx([FULL] * 2 + [FULL / 2] * 4 + [FULL / 4] * 4 + [FULL / 8] * 4)


@pytest.mark.parametrize("length_as", ["T_max", None])
def test_of_another_length_the_rates_are_those_of_that_length(length_as: str | None, tmp_path: Path) -> None:
    make = lr_scheduler.CosineAnnealingLR if length_as else partial(lr_scheduler.LambdaLR, lr_lambda=exponential_decay)
    optimizer = OptimizerFactory(partial(SGD, lr=FULL))
    factory = SchedulerFactory(make, "step", length_as=length_as, warmup=0.25)
    run, longer = Run(tmp_path, optimizer, factory), Run(tmp_path, optimizer, factory, max_epochs=6)
    for after in (2, 8, 12):
        _, rates = run.resume(after, max_epochs=6)
        assert rates == pytest.approx(longer.rates[after:], rel=1e-9), after


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "MultiplicativeLR", "SequentialLR", "ChainedScheduler"])
@pytest.mark.parametrize("warmup", [0, 2])
def test_another_length_changes_nothing_in_a_schedule_without_a_closed_form(name: str, warmup: int) -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=FULL)
    make, settings = SCHEDULES[name]
    scheduler = SchedulerFactory(make, warmup=warmup, **settings)(optimizer, 100, 10)["scheduler"]
    for _ in range(4):
        optimizer.step()
        scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    before = optimizer.param_groups[0]["lr"]
    apply_length(scheduler)
    assert optimizer.param_groups[0]["lr"] == before


def test_a_checkpoint_of_the_former_warmup_cosine_is_read() -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=FULL)
    now = WarmUp(lr_scheduler.LambdaLR(optimizer, lambda move: 1 - move / 90), steps=10, every=1)
    former = lr_scheduler.LambdaLR(SGD([nn.Parameter(torch.ones(1))], lr=FULL), lambda move: 1.0).state_dict()
    now.load_state_dict({**former, "last_epoch": 40})
    assert now.count == 40
    assert now.schedule.last_epoch == 30
    optimizer.step()
    now.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(FULL * (1 - 31 / 90))


@pytest.mark.parametrize(("warmup", "remedy"), [(1.5, "write scheduler.warmup=2"), (-0.1, "share of the run below 1")])
def test_what_is_neither_a_share_nor_a_number_of_steps_is_refused(warmup: float, remedy: str) -> None:
    with pytest.raises(UserError, match=remedy):
        SchedulerFactory(lr_scheduler.ConstantLR, warmup=warmup)


def test_a_share_of_a_run_without_an_end_is_refused() -> None:
    factory = SchedulerFactory(lr_scheduler.ConstantLR, warmup=0.1)
    with pytest.raises(UserError, match=r"scheduler\.warmup=500"):
        factory(SGD([nn.Parameter(torch.ones(1))], lr=1.0), math.inf, math.inf)
