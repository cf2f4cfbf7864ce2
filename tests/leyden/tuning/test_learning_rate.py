"""The range test of an experiment: what it trains, and that it leaves nothing behind."""

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from leyden.system.errors import UserError
from leyden.training.train import run_experiment
from leyden.tuning import learning_rate
from leyden.tuning.learning_rate import find_lr
from leyden.tuning.range_test import RangeTest
from myproject.tasks.regression import Regression
from tests.leyden.tuning.quick_trials import files, made


def test_it_suggests_a_rate_that_trains(tmp_path: Path) -> None:
    test = find_lr(made(tmp_path))
    assert len(test.losses) == 3
    assert test.suggestion is not None
    assert 1e-3 < test.suggestion < 1


def test_it_is_the_same_again(tmp_path: Path) -> None:
    assert find_lr(made(tmp_path), steps=30, trials=2) == find_lr(made(tmp_path), steps=30, trials=2)


def test_random_state_switches_and_disk_stay_as_they_were(tmp_path: Path) -> None:
    experiment = made(tmp_path, "trainer.deterministic=true", "matmul_precision=medium")
    before = files(tmp_path)
    torch.manual_seed(3)
    np.random.seed(4)
    random.seed(5)
    precision = torch.get_float32_matmul_precision()
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[union-attr]
    find_lr(experiment, steps=20, trials=2)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[union-attr]
    assert random.getstate() == states[2]
    assert torch.get_float32_matmul_precision() == precision
    assert not torch.are_deterministic_algorithms_enabled()
    assert files(tmp_path) == before


def rates_of(monkeypatch: pytest.MonkeyPatch, *arguments: Any, **settings: Any) -> tuple[RangeTest, list[list[float]]]:
    """The test of an experiment, with the rates of each parameter group at each optimizer step."""
    seen: list[list[float]] = []
    step = torch.optim.AdamW.step

    def watched(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        seen.append([group["lr"] for group in self.param_groups])
        return step(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    return find_lr(*arguments, trials=1, **settings), seen


def test_the_rate_grows_at_each_optimizer_step_and_no_schedule_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made(tmp_path, "optimizer=adamw", "optimizer.fused=false", "scheduler=onecycle")
    test, seen = rates_of(monkeypatch, experiment, min_lr=1e-6, max_lr=1e-2, steps=12)
    assert [rates[0] for rates in seen] == pytest.approx(test.rates)
    assert test.rates[0] == 1e-6
    assert test.rates[-1] == pytest.approx(1e-2)


def test_groups_keep_their_multiples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = made(tmp_path, "optimizer=adamw", "optimizer.fused=false", "optimizer.lr_scale={output: 10}")
    test, seen = rates_of(monkeypatch, experiment, max_lr=1e-2, steps=10)
    for rate, rates in zip(test.rates, seen, strict=True):
        assert sorted({round(group / rate, 6) for group in rates}) == [1.0, 10.0]


def test_an_epoch_of_fewer_batches_is_followed_by_another(tmp_path: Path) -> None:
    test = find_lr(made(tmp_path, "data.batch_size=40"), max_lr=1e-2, steps=25, trials=1)
    assert len(test.losses[0]) == 25


def test_batches_that_are_accumulated_make_one_step_whose_loss_is_their_mean(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"min_lr": 1e-12, "max_lr": 1e-11, "steps": 10, "trials": 1}
    single = find_lr(made(tmp_path, "data.train_size=32"), **settings)
    fourfold = find_lr(made(tmp_path, "data.train_size=32", "trainer.accumulate_grad_batches=4"), **settings)
    whole_epoch = np.reshape(single.losses[0][:8], (2, 4)).mean(axis=1)
    assert fourfold.losses[0][:2] == pytest.approx(whole_epoch, rel=1e-5)


def test_the_network_begins_as_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[dict[str, Tensor]] = []
    fit = learning_rate.fit_steps

    def watched(config: Any, task: nn.Module, *others: Any) -> None:
        begun.append({name: value.clone() for name, value in task.state_dict().items()})
        fit(config, task, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(learning_rate, "fit_steps", watched)
    monkeypatch.setattr(
        "leyden.training.train.train", lambda trainer, task, *_, **__: begun.append(task.state_dict()) or {}
    )
    find_lr(made(tmp_path), steps=10, trials=2)
    run_experiment(made(tmp_path))
    first, second, of_the_run = begun
    assert all(torch.equal(first[name], of_the_run[name]) for name in of_the_run)
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_it_stops_where_the_loss_diverges(tmp_path: Path) -> None:
    test = find_lr(made(tmp_path, "optimizer=sgd"), max_lr=1e4, trials=1)
    assert len(test.losses[0]) < 90
    assert test.suggestion is not None


def test_a_frozen_loss_suggests_nothing(tmp_path: Path) -> None:
    assert find_lr(made(tmp_path), min_lr=1e-12, max_lr=1e-9).suggestion is None


def test_several_devices_are_one(tmp_path: Path) -> None:
    test = find_lr(made(tmp_path, "trainer=ddp_cpu", "trainer.accelerator=cpu"), steps=10, trials=1)
    assert len(test.losses[0]) == 10


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (["optimizer=lbfgs"], "optimizer=LBFGS: its line search chooses"),
        (["optimizer=rprop"], "optimizer=Rprop: it adapts a step of its own"),
        (["optimizer=adadelta"], "optimizer=Adadelta: it adapts its steps"),
        (["trainer.limit_train_batches=0"], "trainer.limit_train_batches=0: nothing would be trained"),
        (["monitor=val/nothing"], "monitor=val/nothing: is not measured"),
    ],
)
def test_what_has_no_curve_is_refused_in_one_line(overrides: list[str], why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=why) as refused:
        find_lr(made(tmp_path, *overrides))
    assert "\n" not in str(refused.value)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "settings", [{"min_lr": 0.0}, {"max_lr": 1e-8}, {"max_lr": math.nan}, {"steps": 5}, {"trials": 0}]
)
def test_a_range_that_is_none_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--"):
        find_lr(made(tmp_path), **settings)


def test_a_loss_that_is_no_number_from_the_beginning_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Regression, "loss", lambda self, outputs, targets: (outputs * math.nan).mean())
    with pytest.raises(
        UserError,
        match=r"the loss is nan at the first step, with a rate of 1e-07; .* python train.py .* debug=detect_anomaly",
    ):
        find_lr(made(tmp_path))


def test_a_task_that_steps_its_own_optimizers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Regression, "automatic_optimization", False)
    with pytest.raises(UserError, match="task=Regression: steps its optimizers itself"):
        find_lr(made(tmp_path))


def test_a_run_that_is_resumed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resume: a setting is searched for a new run"):
        find_lr(replace(made(tmp_path), resumes=True))
