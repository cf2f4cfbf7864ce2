import math
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, Optimizer, RMSprop
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau, StepLR

from leyden.config.compose import compose
from leyden.config.experiment import Config
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.schedulers import SchedulerFactory
from leyden.training.build import build_task
from myproject.schedulers import cyclic, exponential_decay, inverse, onecycle, polynomial, warmup_cosine

CONFIGS = Path(__file__).parents[3] / "configs"
SPEC = DataSpec("classification", (4,), 3, ("a", "b", "c"), (0.0,), (1.0,))


def weights(number: int = 1) -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(3)) for _ in range(number)]


def sgd(*rates: float) -> Optimizer:
    return SGD([{"params": weights(), "lr": rate} for rate in rates], lr=1.0, momentum=0.9)


def rates(optimizer: Optimizer, scheduler: LRScheduler, moves: int) -> list[float]:
    """The learning rate at the start and after each move."""
    seen = [optimizer.param_groups[0]["lr"]]
    for _ in range(moves):
        optimizer.step()
        scheduler.step()
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


def rises(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


def falls(values: list[float]) -> bool:
    return all(a > b for a, b in pairwise(values))


def expecting(**expected: float) -> Callable[..., LRScheduler]:
    """Makes a scheduler that must be given just these settings."""

    def make(optimizer: Optimizer, **settings: float) -> LRScheduler:
        assert settings == expected
        return StepLR(optimizer, 1)

    return make


@pytest.mark.parametrize(
    ("interval", "frequency", "length"), [("step", 1, 100), ("step", 4, 25), ("epoch", 1, 10), ("epoch", 3, 3)]
)
def test_a_schedule_is_told_its_length_in_moves(interval: Any, frequency: int, length: int) -> None:
    factory = SchedulerFactory(expecting(total=length), interval, frequency, length_as="total")
    assert factory(sgd(1.0), steps=100, epochs=10)["interval"] == interval


def test_a_schedule_is_at_least_one_move_long() -> None:
    SchedulerFactory(expecting(total=1), "epoch", frequency=5, length_as="total")(sgd(1.0), steps=8, epochs=2)


def test_a_schedule_that_did_not_ask_for_the_length_is_not_told() -> None:
    SchedulerFactory(expecting(), "step")(sgd(1.0), steps=100, epochs=10)


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_a_run_without_an_end_has_no_length(interval: Any) -> None:
    factory = SchedulerFactory(polynomial, interval, length_as="total")
    with pytest.raises(UserError, match=r"trainer\.max_epochs"):
        factory(sgd(1.0), math.inf, math.inf)
    made = SchedulerFactory(partial(StepLR, step_size=5), interval)(sgd(1.0), math.inf, math.inf)
    assert isinstance(made["scheduler"], StepLR)


def test_a_plateau_schedule_is_told_what_to_watch() -> None:
    made = SchedulerFactory(ReduceLROnPlateau, "epoch", monitor="val/loss")(sgd(1.0), 100, 10)
    assert made["monitor"] == "val/loss"


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_warmup_cosine_rises_to_the_full_rate_and_falls_to_the_floor(floor: float) -> None:
    optimizer = sgd(2.0)
    make = partial(warmup_cosine, floor=floor)
    scheduler = SchedulerFactory(make, "step", length_as="total", warmup=0.2)(optimizer, 100, 10)["scheduler"]
    seen = rates(optimizer, scheduler, 100)
    assert 0 < seen[0] < 0.2
    assert rises(seen[:21])
    assert seen[20] == pytest.approx(2.0)
    assert falls(seen[20:])
    assert seen[60] == pytest.approx(2.0 * (1 + floor) / 2)  # half way down
    assert seen[100] == pytest.approx(2.0 * floor)
    steps = [b - a for a, b in pairwise(seen[:21])]
    assert steps == pytest.approx([steps[0]] * 20)  # a straight line


def test_warmup_cosine_without_warmup_begins_at_the_full_rate() -> None:
    optimizer = sgd(2.0)
    seen = rates(optimizer, warmup_cosine(optimizer, total=10), 10)
    assert seen[0] == 2.0
    assert falls(seen)


@pytest.mark.parametrize("schedule", [warmup_cosine, polynomial])
def test_a_schedule_that_is_over_stays_at_its_floor(schedule: Any) -> None:
    optimizer = sgd(2.0)
    assert rates(optimizer, schedule(optimizer, total=5, floor=0.25), 8)[5:] == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("floor", [0.0, 0.2])
@pytest.mark.parametrize("power", [0.9, 1.0, 2.0])
def test_polynomial_falls_as_a_power_of_what_is_left(power: float, floor: float) -> None:
    optimizer = sgd(2.0)
    seen = rates(optimizer, polynomial(optimizer, total=50, power=power, floor=floor), 50)
    assert seen[0] == pytest.approx(2.0)
    assert seen[50] == pytest.approx(2.0 * floor)
    assert falls(seen)
    above = [rate / 2.0 - floor for rate in seen[:50]]
    assert above == pytest.approx([(1 - floor) * (1 - move / 50) ** power for move in range(50)])


def test_onecycle_rises_to_the_optimizers_own_rate_and_falls_to_almost_nothing() -> None:
    optimizer = sgd(2.0)
    seen = rates(optimizer, onecycle(optimizer, 100, pct_start=0.3, div_factor=20, final_div_factor=100), 99)
    peak = seen.index(max(seen))
    assert peak == pytest.approx(30, abs=1)
    assert seen[0] == pytest.approx(2.0 / 20)
    assert seen[peak] == pytest.approx(2.0)
    assert seen[99] == pytest.approx(2.0 / 20 / 100)
    assert rises(seen[: peak + 1])
    assert falls(seen[peak:])


def test_onecycle_lasts_a_whole_run() -> None:
    optimizer = sgd(2.0)
    rates(optimizer, onecycle(optimizer, 100), 100)  # torch raises where a cycle is too short


def test_onecycle_gives_each_group_its_own_peak() -> None:
    optimizer = sgd(2.0, 0.5, 0.01)
    scheduler = onecycle(optimizer, 50)
    highest = [0.0] * 3
    for _ in range(49):
        optimizer.step()
        scheduler.step()
        highest = [max(h, group["lr"]) for h, group in zip(highest, optimizer.param_groups, strict=True)]
    assert highest == pytest.approx([2.0, 0.5, 0.01], rel=0.01)


def momenta(optimizer: Optimizer, **settings: Any) -> set[float | None]:
    """All values that momentum, or beta1, has in a cycle."""
    scheduler, seen = onecycle(optimizer, 20, **settings), set()
    for _ in range(19):
        optimizer.step()
        scheduler.step()
        group = optimizer.param_groups[0]
        seen.add(group["betas"][0] if "betas" in group else group.get("momentum"))
    return seen


def test_onecycle_moves_the_momentum_unless_told_not_to() -> None:
    assert len(momenta(SGD(weights(), lr=1.0, momentum=0.9))) > 10
    assert len(momenta(Adam(weights(), lr=1.0))) > 10
    assert momenta(Adam(weights(), lr=1.0, betas=(0.8, 0.99)), cycle_momentum=False) == {0.8}


def test_onecycle_gives_no_momentum_to_an_optimizer_without() -> None:
    assert momenta(Adadelta(weights(), lr=1.0)) == {None}
    assert momenta(SGD(weights(), lr=1.0)) == {0}
    assert momenta(RMSprop(weights(), lr=1.0)) == {0}


def test_cyclic_moves_between_a_fraction_of_the_optimizers_rates_and_these() -> None:
    optimizer = sgd(2.0, 0.5)
    scheduler = cyclic(optimizer, floor=0.25, step_size_up=4, step_size_down=2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.125]
    seen = rates(optimizer, scheduler, 12)
    assert seen == pytest.approx([0.5, 0.875, 1.25, 1.625, 2.0, 1.25, 0.5, 0.875, 1.25, 1.625, 2.0, 1.25, 0.5])


def test_cyclic_moves_the_momentum_of_an_optimizer_that_has_one() -> None:
    with_momentum, without = sgd(1.0), SGD(weights(), lr=1.0)
    rates(with_momentum, cyclic(with_momentum, step_size_up=4), 4)
    rates(without, cyclic(without, step_size_up=4), 4)
    assert with_momentum.param_groups[0]["momentum"] == pytest.approx(0.8)
    assert without.param_groups[0]["momentum"] == 0
    for kind in (Adadelta, RMSprop, Adam):
        other = kind(weights(), lr=1.0)
        rates(other, cyclic(other, step_size_up=2), 2)


def test_functions_of_the_epoch() -> None:
    assert [exponential_decay(epoch) for epoch in (0, 1, 3)] == pytest.approx([1.0, 0.95, 0.95**3])
    assert [inverse(epoch) for epoch in (0, 1, 3)] == [1.0, 0.5, 0.25]


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (CONFIGS / group).glob("*.yaml"))


@cache
def config(optimizer: str = "adam", scheduler: str = "none") -> Config:
    return compose(["model=linear", f"optimizer={optimizer}", f"scheduler={scheduler}"], configs=CONFIGS).config


@pytest.mark.sample(6)
@pytest.mark.parametrize("scheduler", names("scheduler"))
@pytest.mark.parametrize("optimizer", sorted({*names("optimizer")} - {"sparse_adam"}))  # of which no network takes all
def test_every_scheduler_drives_every_optimizer(optimizer: str, scheduler: str) -> None:
    torch.manual_seed(0)
    task = build_task({**config(optimizer), "scheduler": config(scheduler=scheduler)["scheduler"]}, SPEC)
    made = task.make_optimizer(task.network)
    before = [parameter.clone() for parameter in task.network.parameters()]
    inputs, targets = torch.randn(12, 4), torch.arange(12) % 3

    def loss() -> Tensor:
        made.zero_grad()
        value = task.loss(task.network(inputs), targets)
        value.backward()
        return value

    full = [group["lr"] for group in made.param_groups]
    moves = task.make_scheduler(made, steps=20, epochs=20)["scheduler"] if task.make_scheduler else None
    seen = []
    for _ in range(20):
        made.step(loss)
        if isinstance(moves, ReduceLROnPlateau):
            moves.step(1.0)
        elif moves is not None:
            moves.step()
        seen.append([group["lr"] for group in made.param_groups])
    assert all(
        math.isfinite(rate) and 0 <= rate <= top * 1.0001 for now in seen for rate, top in zip(now, full, strict=True)
    )
    assert (len({tuple(now) for now in seen}) > 1) == (scheduler not in ("none", "constant"))
    assert all(parameter.isfinite().all() for parameter in task.network.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, task.network.parameters(), strict=True))
